"""What others than the recipient are told of a notification says nothing of what the recipient did with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.notifications.api import to_proto
from services.notifications.domain import Channel, Message, MessageType, plan

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def test_whoever_verifies_deliveries_sees_neither_whether_it_was_read_nor_whether_it_was_answered() -> None:
    message = Message(
        event_id="e1",
        type=MessageType.INVITATION,
        recipient_id="ada",
        introduction_id="i1",
        other_person_ids=("bo",),
        kind="peer",
        reasons=(),
        starters=(),
        expire_time=NOW + timedelta(days=7),
    )
    (unanswered,) = (each.sent(NOW) for each in plan(message, [Channel.INBOX], NOW))
    answered = replace(unanswered, open=False, read_time=NOW)
    assert to_proto(unanswered, NOW).open
    assert to_proto(answered, NOW).HasField("read_time")
    assert to_proto(answered, NOW, own=False) == to_proto(unanswered, NOW, own=False)
