"""What happens to a due notification follows from facts alone, and nothing goes out that should not."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain import (
    Channel,
    Message,
    MessageType,
    Notification,
    Person,
    Suppression,
    notification_id,
    plan,
    retry_delay,
)
from services.notifications.policy import Delay, Facts, QuietHours, Send, Suppress, decide

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 6, 1, 0, 0, tzinfo=UTC)
KNOWN = Person(person_id="ada", name="Ada", email="ada@example.org", time_zone="UTC", known=True)


def message(expire_time: datetime | None = NOON + timedelta(days=7)) -> Message:
    return Message(
        event_id="e1",
        type=MessageType.INVITATION,
        recipient_id="ada",
        introduction_id="i1",
        other_person_ids=("bo",),
        kind="peer",
        reasons=(),
        starters=(),
        expire_time=expire_time,
    )


def due(channel: Channel, expire_time: datetime | None = NOON + timedelta(days=7)) -> Notification:
    return plan(message(expire_time), [channel], NOON)[0]


def facts(now: datetime = NOON, recipient: Person = KNOWN, wanted: bool | None = True) -> Facts:
    return Facts(
        now=now,
        recipient=recipient,
        others=[Person(person_id="bo", name="Bo", shown=True)],
        wanted=wanted,
        quiet_hours=QuietHours(start=time(20, 0), end=time(7, 0)),
        default_zone=ZoneInfo("UTC"),
    )


@pytest.mark.parametrize("channel", list(Channel))
def test_what_is_wanted_and_at_a_good_time_is_sent(channel: Channel) -> None:
    assert decide(due(channel), facts()) == Send()


def test_mail_waits_for_the_morning_and_the_inbox_does_not() -> None:
    assert decide(due(Channel.EMAIL), facts(now=MIDNIGHT)) == Delay(MIDNIGHT + timedelta(hours=7))
    assert decide(due(Channel.INBOX), facts(now=MIDNIGHT)) == Send()


@pytest.mark.parametrize("channel", list(Channel))
def test_a_recipient_whose_private_profile_has_not_arrived_is_waited_for(channel: Channel) -> None:
    decision = decide(due(channel), facts(recipient=Person(person_id="ada", name="Ada")))
    assert isinstance(decision, Delay)
    assert decision.waiting


def test_mail_to_somebody_without_an_address_is_suppressed_with_its_cause() -> None:
    nowhere = Person(person_id="ada", known=True)
    assert decide(due(Channel.EMAIL), facts(recipient=nowhere)) == Suppress(Suppression.NO_ROUTE)


def test_an_erased_recipient_gets_nothing_whatever_else_is_so() -> None:
    erased = Person(person_id="ada", erased=True)
    assert decide(due(Channel.INBOX), facts(recipient=erased)) == Suppress(Suppression.RECIPIENT_ERASED)


@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),
    channel=st.sampled_from(list(Channel)),
    known=st.booleans(),
    erased=st.booleans(),
    email=st.sampled_from(["", "ada@example.org"]),
    wanted=st.sampled_from([True, False, None]),
    expires=st.one_of(st.none(), st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))),
)
def test_nothing_goes_out_without_a_yes_to_still_wanted_or_past_its_expiry_or_to_nobody(
    now: datetime,
    channel: Channel,
    known: bool,
    erased: bool,
    email: str,
    wanted: bool | None,
    expires: datetime | None,
) -> None:
    recipient = Person(person_id="ada", known=known, erased=erased, email=email)
    decision = decide(due(channel, expires), facts(now=now, recipient=recipient, wanted=wanted))
    if isinstance(decision, Send):
        assert wanted is True
        assert known
        assert not erased
        assert expires is None or now < expires
        assert channel is Channel.INBOX or (email and not facts().quiet_hours.quiet(now, ZoneInfo("UTC")))
    if isinstance(decision, Delay):
        assert decision.until > now


def test_the_id_of_a_notification_follows_from_event_recipient_and_channel_alone() -> None:
    assert notification_id("e", "r", Channel.INBOX) == notification_id("e", "r", Channel.INBOX)
    assert len({notification_id(e, r, c) for e in ("a", "ab") for r in ("b", "bb") for c in Channel}) == 8


@given(attempts=st.integers(1, 60), jitter=st.floats(0, 1, exclude_max=True))
def test_retries_are_spread_and_never_further_apart_than_six_hours(attempts: int, jitter: float) -> None:
    assert timedelta(seconds=15) <= retry_delay(attempts, jitter) <= timedelta(hours=6)
