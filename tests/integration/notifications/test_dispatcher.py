"""Notifications end exactly once, at a bearable time, and nothing goes out without a yes to "still wanted?"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from acquaint.notifications.v1 import notification_pb2

from services.notifications.channels import Refused, Unavailable
from services.notifications.domain import Channel, Notification, Status, Suppression
from services.notifications.store import PRIVATE, PUBLIC
from services.platform.mongo import Session
from services.platform.testing import eventually
from tests.integration.notifications.stage import Answers, Stage, open_stage
from tests.runtime import Database

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
async def stage(database: Database, database_name: str) -> AsyncIterator[Stage]:
    async with open_stage(database.uri, database_name, NOON) as opened:
        await opened.know("bo")
        yield opened


async def test_what_is_wanted_reaches_inbox_and_mail_and_is_said_once(stage: Stage) -> None:
    await stage.know("ada", email="ada@example.org")
    for _ in range(2):  # the second delivery of the same event changes nothing
        await stage.invite("e1", "ada", Channel.INBOX, Channel.EMAIL)
        await stage.dispatcher.dispatch()
    found = await stage.of("e1")
    assert {n.status for n in found.values()} == {Status.SENT}
    assert stage.mail.taken == [found[Channel.EMAIL].notification_id]
    assert sorted(await stage.published()) == [("ada", notification_pb2.NOTIFICATION_STATUS_SENT)] * 2


async def test_without_an_answer_to_still_wanted_nothing_goes_out_until_there_is_one(stage: Stage) -> None:
    await stage.know("ada", email="ada@example.org")
    await stage.invite("e1", "ada", Channel.INBOX, Channel.EMAIL)
    stage.answers.wanted = None
    assert await stage.dispatcher.dispatch() == 2
    assert stage.mail.taken == []
    assert await stage.dispatcher.dispatch() == 0, "it is put off, not tried in a circle"
    stage.answers.wanted = True
    stage.clock.advance(10)
    assert await stage.dispatcher.dispatch() == 2
    assert {n.status for n in (await stage.of("e1")).values()} == {Status.SENT}


async def test_what_lost_its_point_is_suppressed_with_a_cause_that_names_nobody(stage: Stage) -> None:
    await stage.know("ada")
    await stage.invite("e1", "ada")
    stage.answers.wanted = False
    await stage.dispatcher.dispatch()
    assert (await stage.of("e1"))[Channel.INBOX].suppression is Suppression.NOT_WANTED
    assert await stage.published() == [("ada", notification_pb2.NOTIFICATION_STATUS_SUPPRESSED)]


async def test_a_message_that_got_no_answer_until_its_expiry_is_suppressed_as_expired(stage: Stage) -> None:
    await stage.know("ada")
    await stage.invite("e1", "ada", expires=timedelta(hours=1))
    stage.answers.wanted = None
    await stage.dispatcher.dispatch()
    stage.clock.advance(3601)
    await stage.dispatcher.dispatch()
    assert (await stage.of("e1"))[Channel.INBOX].suppression is Suppression.EXPIRED


async def test_a_recipient_whose_private_profile_has_not_arrived_is_waited_for(stage: Stage) -> None:
    await stage.know("ada", half=PUBLIC)
    await stage.invite("e1", "ada")
    await stage.dispatcher.dispatch()
    assert (await stage.of("e1"))[Channel.INBOX].status is Status.SCHEDULED
    assert (await stage.inbox.counts())[1] == 1
    await stage.know("ada", half=PRIVATE)
    stage.clock.advance(5)
    await stage.dispatcher.dispatch()
    assert (await stage.of("e1"))[Channel.INBOX].status is Status.SENT
    assert (await stage.inbox.counts())[1] == 0


async def test_nobody_is_asked_about_somebody_whose_public_profile_has_not_arrived(stage: Stage) -> None:
    await stage.know("ada", email="ada@example.org")
    await stage.invite("e1", "ada", Channel.INBOX, Channel.EMAIL, about="cy")
    await stage.dispatcher.dispatch()
    assert {n.status for n in (await stage.of("e1")).values()} == {Status.SCHEDULED}
    await stage.know("cy", half=PUBLIC)
    stage.clock.advance(5)
    await stage.dispatcher.dispatch()
    assert {n.status for n in (await stage.of("e1")).values()} == {Status.SENT}


async def test_mail_waits_for_the_recipients_own_morning(stage: Stage) -> None:
    await stage.know("ada", email="ada@example.org", zone="Asia/Tokyo")  # 21:00 there
    await stage.invite("e1", "ada", Channel.INBOX, Channel.EMAIL)
    await stage.dispatcher.dispatch()
    found = await stage.of("e1")
    assert found[Channel.INBOX].status is Status.SENT
    assert found[Channel.EMAIL].due_time == datetime(2026, 6, 1, 22, 0, tzinfo=UTC)
    stage.clock.advance(10 * 3600 - 1)
    assert await stage.dispatcher.dispatch() == 0
    stage.clock.advance(1)
    assert await stage.dispatcher.dispatch() == 1
    assert len(stage.mail.taken) == 1
    assert stage.answers.asked.count("e1") == 3, "asked again in the morning"


async def test_a_provider_that_is_away_is_tried_again_with_the_same_id(stage: Stage) -> None:
    await stage.know("ada", email="ada@example.org")
    await stage.invite("e1", "ada", Channel.EMAIL)
    stage.mail.outcomes = [Unavailable("away"), Unavailable("away")]
    for _ in range(3):
        await stage.dispatcher.dispatch()
        stage.clock.advance(120)
    mail = (await stage.of("e1"))[Channel.EMAIL]
    assert mail.status is Status.SENT
    assert mail.attempts == 3
    assert set(stage.mail.taken) == {mail.notification_id}
    assert len(stage.mail.taken) == 3


async def test_what_a_provider_refuses_for_good_has_failed_and_is_not_tried_again(stage: Stage) -> None:
    await stage.know("ada", email="ada@example.org")
    await stage.invite("e1", "ada", Channel.EMAIL)
    stage.mail.outcomes = [Refused("no such mailbox")]
    await stage.dispatcher.dispatch()
    stage.clock.advance(86_400)
    assert await stage.dispatcher.dispatch() == 0
    assert (await stage.of("e1"))[Channel.EMAIL].status is Status.FAILED


async def test_an_erased_recipient_gets_nothing(stage: Stage) -> None:
    await stage.know("ada", email="ada@example.org")
    await stage.invite("e1", "ada", Channel.INBOX, Channel.EMAIL)
    await stage.erase("ada")
    await stage.dispatcher.dispatch()
    assert {n.suppression for n in (await stage.of("e1")).values()} == {Suppression.RECIPIENT_ERASED}
    assert stage.mail.taken == []


async def test_a_question_that_is_over_is_not_asked_and_what_was_asked_is_closed(stage: Stage) -> None:
    await stage.know("ada")
    await stage.invite("asked", "ada")
    await stage.dispatcher.dispatch()
    await stage.invite("unasked", "ada")
    await stage.close("asked", "ada")
    await stage.close("unasked", "ada")
    assert await stage.dispatcher.dispatch() == 0
    assert not (await stage.of("asked"))[Channel.INBOX].open
    assert (await stage.of("unasked"))[Channel.INBOX].suppression is Suppression.NOT_WANTED


async def test_a_question_closed_while_its_message_is_on_its_way_cannot_be_answered_afterwards(stage: Stage) -> None:
    await stage.know("ada", email="ada@example.org")
    await stage.invite("e1", "ada", Channel.INBOX, Channel.EMAIL)
    stage.mail.answering.clear()
    sending = asyncio.create_task(stage.dispatcher.dispatch())
    await eventually(lambda: len(stage.mail.taken) == 1)
    await stage.close("e1", "ada")
    stage.mail.answering.set()
    await sending
    found = await stage.of("e1")
    assert {n.status for n in found.values()} == {Status.SENT}, "it did go out"
    assert not any(n.open for n in found.values())


async def test_a_day_of_questions_is_closed_at_once_and_only_those(stage: Stage) -> None:
    await stage.know("ada")
    for number in range(6):
        await stage.invite(f"e{number}", "ada")
    await stage.dispatcher.dispatch()
    await stage.invite("unsent", "ada")
    last = await stage.inbox.latest_change("ada")
    over = {(f"about-e{number}", "ada") for number in range(5)} | {("about-unsent", "ada"), ("about-e5", "bo")}

    async def body(session: Session) -> list[Notification]:
        return await stage.outgoing.close_questions(session, over)

    suppressed = await stage.database.transaction(body)
    assert [notification.message.event_id for notification in suppressed] == ["unsent"]
    changed = await stage.inbox.changes("ada", after=last, limit=10)
    assert sorted(entry.notification.message.event_id for entry in changed) == [f"e{number}" for number in range(5)]
    assert [entry.change for entry in changed] == list(range(last + 1, last + 6))
    assert (await stage.of("e5"))[Channel.INBOX].open


async def test_a_mail_server_that_hangs_does_not_hold_up_the_inbox(stage: Stage) -> None:
    await stage.know("ada", email="ada@example.org")
    stage.mail.answering.clear()
    await stage.dispatcher.start()
    try:
        for number in range(8):  # more than are sent at a time
            await stage.invite(f"e{number}", "ada", Channel.EMAIL)
        stage.dispatcher.notify()
        await eventually(lambda: len(stage.mail.taken) == 4)
        await stage.invite("inbox", "ada", Channel.INBOX)
        stage.dispatcher.notify()

        async def in_the_inbox() -> bool:
            return (await stage.of("inbox"))[Channel.INBOX].status is Status.SENT

        await eventually(in_the_inbox)
    finally:
        stage.mail.answering.set()
        await stage.dispatcher.stop()


async def test_two_dispatchers_at_once_send_everything_once(stage: Stage) -> None:
    await stage.know("ada", email="ada@example.org")
    for number in range(120):
        await stage.invite(f"e{number}", "ada", Channel.EMAIL)
    others = [stage.dispatcher, stage.another_dispatcher(), stage.another_dispatcher()]

    async def work(worker: int) -> None:
        while await others[worker].dispatch():
            pass

    await asyncio.gather(*(work(worker) for worker in range(3)))
    counts, _ = await stage.inbox.counts()
    while counts.get(Status.SCHEDULED):  # one that another had claimed first is looked for again
        await work(0)
        counts, _ = await stage.inbox.counts()
    assert counts == {Status.SENT: 120}
    assert len(stage.mail.taken) == len(set(stage.mail.taken)) == 120


async def test_a_sender_that_lost_its_claim_records_nothing(stage: Stage) -> None:
    await stage.know("ada")
    await stage.invite("e1", "ada")
    (stale,) = await stage.outgoing.claim("first", stage.clock.now(), channels=Channel, limit=10, seconds=0)
    (fresh,) = await stage.outgoing.claim("second", stage.clock.now(), channels=Channel, limit=10, seconds=60)
    assert fresh.fence > stale.fence

    async def record(notification: object) -> int:
        from services.notifications.store import Result

        async def body(session: object) -> int:
            result = Result(notification=notification.failed())  # type: ignore[attr-defined]
            return len(await stage.outgoing.finish(session, [result]))  # type: ignore[arg-type]

        return await stage.database.transaction(body)

    assert await record(stale) == 0
    assert await record(fresh) == 1


async def test_positions_in_an_inbox_rise_with_arrival_and_changes_are_seen_in_order(stage: Stage) -> None:
    await stage.know("ada")
    for number in range(5):
        await stage.invite(f"e{number}", "ada")
        await stage.dispatcher.dispatch()
    page = await stage.inbox.page("ada", before=None, unread_only=False, limit=3)
    assert [entry.notification.message.event_id for entry in page] == ["e4", "e3", "e2"]
    rest = await stage.inbox.page("ada", before=page[-1].position, unread_only=False, limit=10)
    assert [entry.notification.message.event_id for entry in rest] == ["e1", "e0"]
    last = await stage.inbox.latest_change("ada")
    ids = [entry.notification.notification_id for entry in page]
    assert await stage.inbox.mark_read("ada", [*ids, "no such id"], stage.clock.now()) == 3
    assert await stage.inbox.mark_read("ada", ids, stage.clock.now()) == 0
    assert await stage.inbox.mark_read("bo", ids, stage.clock.now()) == 0, "not one's own"
    changes = await stage.inbox.changes("ada", after=last, limit=10)
    assert {entry.notification.notification_id for entry in changes} == set(ids)
    assert [entry.change for entry in changes] == sorted(entry.change for entry in changes)
    unread = await stage.inbox.page("ada", before=None, unread_only=True, limit=10)
    assert [entry.notification.message.event_id for entry in unread] == ["e1", "e0"]


async def test_one_party_does_not_wait_for_the_answer_about_another(stage: Stage) -> None:
    await stage.know("ada")
    await stage.know("cy")
    await stage.invite("e1", "ada")
    silent = stage.another_dispatcher(Answers(wanted=None))
    await silent.dispatch()
    await stage.invite("e2", "cy")
    await stage.dispatcher.dispatch()
    assert (await stage.of("e2"))[Channel.INBOX].status is Status.SENT
    assert (await stage.of("e1"))[Channel.INBOX].status is Status.SCHEDULED
