"""Mail over a real connection: only an answer about the message itself ends it, everything else is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_string

import pytest

from services.notifications.channels import Accepted, EmailChannel, Refused, Unavailable
from services.notifications.domain import Person
from services.notifications.settings import SmtpSettings
from services.notifications.templates import Rendered
from services.platform.testing import ManualClock

ADA = Person(person_id="ada", name="Ada\nLovelace", email="ada@example.org", known=True)
WORDS = Rendered(title="Would you like to meet Bo?", text="Bo works in Ops.", html="<p>Bo works in Ops.</p>")
USUAL = {"": "220 here", "EHLO": "250 here", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", ".": "250 taken"}


@dataclass(slots=True)
class MailServer:
    """Answers each command as told, else as usual; no answer at all for a command that is told to be silent."""

    answers: dict[str, str] = field(default_factory=dict)
    silent_at: str | None = None
    content: str = ""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._say(writer, "")
            while line := (await reader.readline()).decode().strip():
                command = line.split(" ")[0].split(":")[0].upper()
                if command == self.silent_at:
                    await reader.read()  # until the other side hangs up
                    return
                await self._say(writer, command)
                if command == "DATA" and self._answer("DATA").startswith("354"):
                    self.content = (await reader.readuntil(b"\r\n.\r\n")).decode()
                    await self._say(writer, ".")
        finally:
            writer.close()

    def _answer(self, command: str) -> str:
        return self.answers.get(command, USUAL.get(command, "250 ok"))

    async def _say(self, writer: asyncio.StreamWriter, command: str) -> None:
        writer.write(f"{self._answer(command)}\r\n".encode())
        await writer.drain()


@asynccontextmanager
async def mail_to(server: MailServer, seconds: float = 10.0) -> AsyncIterator[EmailChannel]:
    async with await asyncio.start_server(server.talk, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        smtp = SmtpSettings(host="127.0.0.1", port=port, start_tls=False, timeout_seconds=seconds)
        yield EmailChannel(smtp, ManualClock())


async def test_a_message_is_handed_over_under_its_id_with_a_name_that_breaks_no_header() -> None:
    server = MailServer()
    async with mail_to(server) as channel:
        assert await channel.send("0123", ADA, WORDS) == Accepted()
    message = message_from_string(server.content)
    assert message["Message-ID"] == "<0123@localhost>"
    assert message["To"] == "Ada Lovelace <ada@example.org>"
    assert message["Subject"] == WORDS.title


@pytest.mark.parametrize(("command", "answer"), [("RCPT", "550 no such mailbox"), (".", "554 not this content")])
async def test_what_is_said_for_good_about_the_message_ends_it(command: str, answer: str) -> None:
    async with mail_to(MailServer({command: answer})) as channel:
        assert isinstance(await channel.send("0123", ADA, WORDS), Refused)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("", "554 no service here for now"),
        ("EHLO", "550 not from this address"),
        ("MAIL", "553 sender not allowed"),
        ("RCPT", "451 try later"),
        (".", "452 disk full"),
    ],
)
async def test_what_is_said_about_us_or_for_now_only_is_tried_again(command: str, answer: str) -> None:
    answers = {command: answer} | ({"HELO": answer} if command == "EHLO" else {})
    async with mail_to(MailServer(answers)) as channel:
        outcome = await channel.send("0123", ADA, WORDS)
    assert isinstance(outcome, Unavailable)
    assert "ada" not in outcome.cause, "the cause is logged"


async def test_a_server_that_falls_silent_takes_no_longer_than_a_message_may() -> None:
    async with mail_to(MailServer(silent_at="RCPT"), seconds=0.2) as channel:
        assert isinstance(await channel.send("0123", ADA, WORDS), Unavailable)


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    async with mail_to(MailServer()) as channel:
        pass
    assert isinstance(await channel.send("0123", ADA, WORDS), Unavailable)
