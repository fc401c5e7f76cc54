"""E-mail over SMTP: one message per notification id, so a provider or reader can drop a repeat.

Temporary answers (4xx, no connection, time-out) are tried again; permanent ones (5xx about the message) are not.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Protocol

import aiosmtplib

from services.notifications.channels.port import Accepted, Outcome, Refused, Unavailable
from services.notifications.domain import Person
from services.notifications.templates import Rendered, one_line
from services.platform.clock import Clock


class SmtpSettings(Protocol):
    """What the channel needs to know of the provider; `host` empty means that mail is off."""

    host: str
    port: int
    sender: str
    sender_name: str
    username: str
    password: str
    start_tls: bool
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class EmailChannel:
    """Sends through one SMTP server, a connection a message."""

    settings: SmtpSettings
    clock: Clock

    async def send(self, notification_id: str, recipient: Person, rendered: Rendered) -> Outcome:
        """Try once; the Message-ID is made from the notification id and stays the same at every try."""
        try:
            message = self.compose(notification_id, recipient, rendered)
        except ValueError as error:  # an address that no mail can be sent to
            return Refused(type(error).__name__)
        try:
            async with asyncio.timeout(self.settings.timeout_seconds):  # the library's own holds for each command
                await aiosmtplib.send(
                    message,
                    hostname=self.settings.host,
                    port=self.settings.port,
                    username=self.settings.username or None,
                    password=self.settings.password or None,
                    start_tls=self.settings.start_tls,
                    timeout=self.settings.timeout_seconds,
                )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            codes = [recipient.code for recipient in refused.recipients]
            if codes and all(code >= 500 for code in codes):
                return Refused(f"recipient refused with {codes[0]}")
            return Unavailable("recipient refused for now")
        except aiosmtplib.SMTPDataError as answer:
            if answer.code >= 500:
                return Refused(f"refused with {answer.code}")
            return Unavailable(f"answered {answer.code}")
        except aiosmtplib.SMTPResponseException as answer:
            # A greeting, our name, credentials or sender address that is not taken, whatever its code: the message is
            # fine and waits until that is put right.
            return Unavailable(f"{type(answer).__name__} with {answer.code}")
        except (aiosmtplib.SMTPException, OSError) as error:
            return Unavailable(type(error).__name__)
        return Accepted()

    def compose(self, notification_id: str, recipient: Person, rendered: Rendered) -> EmailMessage:
        """The message as it travels. Raises ValueError for an address that is none."""
        domain = self.settings.sender.rpartition("@")[2]
        message = EmailMessage()
        message["Subject"] = rendered.title
        message["From"] = Address(display_name=self.settings.sender_name, addr_spec=self.settings.sender)
        message["To"] = Address(display_name=one_line(recipient.name), addr_spec=recipient.email)
        message["Date"] = format_datetime(self.clock.now())
        message["Message-ID"] = f"<{notification_id}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(rendered.text)
        message.add_alternative(rendered.html, subtype="html")
        return message
