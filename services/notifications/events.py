"""What the notifications service hears and says: messages become notifications exactly once, profiles become people.

Every handler's effects follow from deterministic ids and versions alone, so a repeated batch changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from acquaint.notifications.v1 import events_pb2, notification_pb2
from acquaint.profiles.v1 import events_pb2 as profile_events_pb2
from acquaint.profiles.v1.profile_pb2 import Profile
from acquaint.recommendations.v1 import events_pb2 as recommendation_events_pb2
from acquaint.recommendations.v1 import introduction_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from services.notifications.domain import Channel, Message, MessageType, Notification, Reason, Status, plan
from services.notifications.store import PRIVATE, PUBLIC, OutgoingStore, PeopleStore
from services.platform.clock import Clock
from services.platform.consumer import Delivery, Poison, State
from services.platform.envelope import Fact
from services.platform.mongo import Session
from services.platform.outbox import Outbox
from services.platform.topics import Topic, declared

TOPICS: Mapping[str, Topic] = declared(
    events_pb2.DESCRIPTOR, profile_events_pb2.DESCRIPTOR, recommendation_events_pb2.DESCRIPTOR
)
NOTIFICATIONS = TOPICS["acquaint.notifications.v1"]
INVITATIONS = TOPICS["acquaint.invitations.v1"]
PROFILES = TOPICS["acquaint.profiles.v1"]
PRIVATE_PROFILES = TOPICS["acquaint.private-profiles.v1"]


def instant(timestamp: Timestamp) -> datetime:
    """A protobuf timestamp as an aware UTC datetime."""
    return timestamp.ToDatetime(tzinfo=UTC)


def reasons(event: Any) -> tuple[Reason, ...]:
    """The event's reasons by the lower-case names of their types."""
    name = introduction_pb2.ReasonType.Name
    return tuple(
        Reason(type=name(reason.type).removeprefix("REASON_TYPE_").lower(), values=tuple(reason.values))
        for reason in event.reasons
    )


def message_of(delivery: Delivery) -> Message | None:
    """What the event wants said; None for an event that says nothing."""
    event = delivery.event
    if isinstance(event, recommendation_events_pb2.InvitationIssued):
        type_, expiry = MessageType.INVITATION, instant(event.expire_time)
    elif isinstance(event, recommendation_events_pb2.IntroductionMade):
        type_, expiry = MessageType.INTRODUCTION, None
    else:
        return None
    return Message(
        event_id=delivery.id or delivery.identity,
        type=type_,
        recipient_id=event.recipient_id,
        introduction_id=event.introduction_id,
        other_person_ids=tuple(event.other_person_ids),
        kind=introduction_pb2.Kind.Name(event.kind).removeprefix("KIND_").lower(),
        reasons=reasons(event),
        starters=tuple(event.starters),
        expire_time=expiry,
    )


def status_fact(notification: Notification, at: datetime) -> Fact:
    """What became of a notification, for the topic."""
    event = events_pb2.NotificationStatusChanged(
        notification_id=notification.notification_id,
        recipient_id=notification.message.recipient_id,
        channel=notification_pb2.Channel.Value(f"CHANNEL_{notification.channel.name}"),
        type=notification_pb2.NotificationType.Value(f"NOTIFICATION_TYPE_{notification.message.type.name}"),
        status=notification_pb2.NotificationStatus.Value(f"NOTIFICATION_STATUS_{notification.status.name}"),
    )
    event.change_time.FromDatetime(at)
    return Fact(
        id=f"{notification.notification_id}/{notification.status}", key=notification.message.recipient_id, message=event
    )


class Publisher:
    """Publishes what became of notifications, in the transaction that records it."""

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock

    async def publish(self, session: Session, notifications: Sequence[Notification]) -> None:
        """Append a fact for each notification that has ended."""
        now = self._clock.now()
        ended = [n for n in notifications if n.status is not Status.SCHEDULED]
        await self._outbox.append(session, NOTIFICATIONS, [status_fact(notification, now) for notification in ended])


class Handlers:
    """The consumed topics' handlers."""

    def __init__(
        self,
        people: PeopleStore,
        outgoing: OutgoingStore,
        publisher: Publisher,
        channels: Sequence[Channel],
        clock: Clock,
    ) -> None:
        self._people = people
        self._outgoing = outgoing
        self._publisher = publisher
        self._channels = channels
        self._clock = clock

    async def on_invitations(self, session: Session, batch: Sequence[Delivery]) -> Sequence[Poison]:
        """Messages become notifications; a closed question suppresses what is unsent: nothing asks it after its end."""
        fresh: list[Notification] = []
        over: set[tuple[str, str]] = set()
        for delivery in batch:
            message = message_of(delivery)
            if message is not None:
                fresh += plan(message, self._channels, self._clock.now())
            event = delivery.event
            if isinstance(
                event, recommendation_events_pb2.InvitationClosed | recommendation_events_pb2.IntroductionMade
            ):
                over.add((event.introduction_id, event.recipient_id))
        await self._outgoing.insert(session, fresh)
        if over:
            await self._publisher.publish(session, await self._outgoing.close_questions(session, over))
        return []

    async def on_profiles(self, session: Session, batch: Sequence[Delivery]) -> Sequence[Poison]:
        """What colleagues may see of people, or that they were erased."""
        await self._keep(session, PUBLIC, batch, public_fields)
        return []

    async def on_private_profiles(self, session: Session, batch: Sequence[Delivery]) -> Sequence[Poison]:
        """Routes and zones of people, or that they were erased."""
        await self._keep(session, PRIVATE, batch, private_fields)
        return []

    async def _keep(self, session: Session, half: str, batch: Sequence[Delivery], fields: Any) -> None:
        states = []
        for delivery in batch:
            event = delivery.event
            if isinstance(event, profile_events_pb2.PersonErased):
                states.append(State(key=event.person_id, version=event.version, document=None))
            elif isinstance(event, profile_events_pb2.ProfileState | profile_events_pb2.PrivateProfileState):
                states.append(State(key=event.person_id, version=event.version, document=fields(event.profile)))
        await self._people.keep(session, half, states)


def public_fields(profile: Profile) -> dict[str, Any]:
    """What a message may say of a person."""
    return {
        "name": profile.name,
        "title": profile.title,
        "unit": profile.unit,
        "city": profile.place.city,
        "photo_url": profile.photo_url,
        "time_zone": profile.time_zone,
        "languages": list(profile.languages),
    }


def private_fields(profile: Profile) -> dict[str, Any]:
    """How and when a message reaches a person."""
    return {"email": profile.contact.email, "time_zone": profile.time_zone}
