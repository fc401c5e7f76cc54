"""The one place that says what happens to a due notification: send, delay or suppress, in this order of questions.

People whose profiles have not arrived, the recipient or whom it is about, are waited for; without an answer to "still
wanted?" nothing goes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.notifications.domain import Channel, Notification, Person, Suppression, zone_or
from services.notifications.policy.quiet_hours import QuietHours

WAIT_FOR_PROFILE = timedelta(seconds=2)
WAIT_FOR_ANSWER = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Send:
    """It may go out now."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Not yet; `waiting` says that the recipient's private profile is what it waits for."""

    until: datetime
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Suppress:
    """Never, for this cause."""

    cause: Suppression


Decision = Send | Delay | Suppress


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known at the moment of decision. `wanted` is None where recommendations did not answer.

    `others` are the people the message speaks of.
    """

    now: datetime
    recipient: Person
    others: Sequence[Person]
    wanted: bool | None
    quiet_hours: QuietHours
    default_zone: ZoneInfo


def decide(notification: Notification, facts: Facts) -> Decision:
    """What happens to a due notification. Pure: equal facts give equal decisions."""
    if facts.recipient.erased:
        return Suppress(Suppression.RECIPIENT_ERASED)
    expiry = notification.message.expire_time
    if expiry is not None and facts.now >= expiry:
        return Suppress(Suppression.EXPIRED)
    if facts.wanted is False:
        return Suppress(Suppression.NOT_WANTED)
    if not facts.recipient.known:
        return Delay(facts.now + WAIT_FOR_PROFILE, waiting=True)
    if not all(other.shown or other.erased for other in facts.others):
        return Delay(facts.now + WAIT_FOR_PROFILE)  # a mail that names nobody cannot be taken back
    if notification.channel is Channel.EMAIL:
        if not facts.recipient.email:
            return Suppress(Suppression.NO_ROUTE)
        zone = zone_or(facts.recipient.time_zone, facts.default_zone)
        allowed = facts.quiet_hours.next_allowed(facts.now, zone)
        if allowed > facts.now:
            return Delay(allowed)
    if facts.wanted is None:
        return Delay(facts.now + WAIT_FOR_ANSWER)
    return Send()
