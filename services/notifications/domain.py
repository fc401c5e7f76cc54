"""What a notification is, and the only changes it can go through.

One notification per (event, recipient, channel): its id is made from these, so a repeated event changes nothing.
A notification ends exactly once: sent, suppressed with a cause, or failed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class Channel(StrEnum):
    """How a notification reaches its recipient."""

    INBOX = "inbox"
    EMAIL = "email"


class MessageType(StrEnum):
    """What a notification is about."""

    INVITATION = "invitation"
    INTRODUCTION = "introduction"


class Status(StrEnum):
    """Where a notification stands."""

    SCHEDULED = "scheduled"
    SENT = "sent"
    SUPPRESSED = "suppressed"
    FAILED = "failed"


class Suppression(StrEnum):
    """Why a notification was not sent. No cause depends on another person."""

    NOT_WANTED = "not_wanted"
    EXPIRED = "expired"
    NO_ROUTE = "no_route"
    RECIPIENT_ERASED = "recipient_erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A reason as recommendations gave it: the lower-case name of its type and the attribute values it speaks of."""

    type: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What recommendations wants said to one person, as it arrived: ids and reasons, no words yet.

    `expire_time` is the instant from which saying it has no point, None for never.
    """

    event_id: str
    type: MessageType
    recipient_id: str
    introduction_id: str
    other_person_ids: tuple[str, ...]
    kind: str
    reasons: tuple[Reason, ...]
    starters: tuple[str, ...]
    expire_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What this service knows of a person: what colleagues see of anybody, routes and zone of a recipient.

    `known` is False until the private profile has arrived, `shown` until the public one has; `erased` is final.
    """

    person_id: str
    name: str = ""
    title: str = ""
    unit: str = ""
    city: str = ""
    photo_url: str = ""
    email: str = ""
    time_zone: str = ""
    languages: tuple[str, ...] = ()
    known: bool = False
    shown: bool = False
    erased: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One message for one recipient on one channel. `fence` rises with every claim; `attempts` counts sends begun."""

    notification_id: str
    message: Message
    channel: Channel
    status: Status
    create_time: datetime
    due_time: datetime
    suppression: Suppression | None = None
    sent_time: datetime | None = None
    read_time: datetime | None = None
    attempts: int = 0
    fence: int = 0
    open: bool = False

    def sent(self, at: datetime) -> Notification:
        """The notification after its channel took it."""
        question = self.message.type is MessageType.INVITATION
        return replace(self, status=Status.SENT, sent_time=at, open=question)

    def suppressed(self, cause: Suppression) -> Notification:
        """The notification after it was given up for a cause."""
        return replace(self, status=Status.SUPPRESSED, suppression=cause, open=False)

    def failed(self) -> Notification:
        """The notification after its channel refused it for good."""
        return replace(self, status=Status.FAILED, open=False)

    def delayed(self, until: datetime) -> Notification:
        """The notification put off; it stays scheduled."""
        return replace(self, due_time=until)


def notification_id(event_id: str, recipient_id: str, channel: Channel) -> str:
    """The id of a notification: 32 hex digits made from event, recipient and channel, and from nothing else."""
    text = "\x1f".join((event_id, recipient_id, channel))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def plan(message: Message, channels: Sequence[Channel], now: datetime) -> list[Notification]:
    """The notifications of a message, one per channel, due at once; when each may be sent is the policy's question."""
    return [
        Notification(
            notification_id=notification_id(message.event_id, message.recipient_id, channel),
            message=message,
            channel=channel,
            status=Status.SCHEDULED,
            create_time=now,
            due_time=now,
        )
        for channel in channels
    ]


def retry_delay(attempts: int, jitter: float) -> timedelta:
    """How long to wait after the n-th failed send: 30 s doubling to 6 h; `jitter` in [0, 1) keeps half to all of it."""
    seconds = min(30.0 * 2.0 ** max(0, attempts - 1), 6 * 3600.0)
    return timedelta(seconds=seconds * (0.5 + 0.5 * jitter))


def zone_or(name: str, default: ZoneInfo) -> ZoneInfo:
    """The IANA zone `name`, or `default` where it is empty or unknown to this machine."""
    if not name:
        return default
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return default
