"""The dispatcher on the real database with a driven clock, and hand-written fakes of what it talks to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from acquaint.notifications.v1 import events_pb2
from google.protobuf.message import Message as Proto

from services.notifications.channels import Accepted, InboxChannel, Outcome
from services.notifications.dispatcher import Dispatcher, Limits
from services.notifications.domain import Channel, Message, MessageType, Notification, Person, plan
from services.notifications.events import NOTIFICATIONS, Publisher
from services.notifications.policy import QuietHours
from services.notifications.store import PRIVATE, PUBLIC, SPECS, InboxStore, OutgoingStore, PeopleStore
from services.notifications.templates import Rendered, Renderer
from services.platform.clock import SystemClock
from services.platform.consumer import State
from services.platform.mongo import Database, Session
from services.platform.outbox import Outbox
from services.platform.settings import JournalSettings, MongoSettings
from services.platform.telemetry import Metrics
from services.platform.testing import ManualClock

UTC_ZONE = ZoneInfo("UTC")


@dataclass(slots=True)
class Answers:
    """Recommendations as the dispatcher asks it: one answer for everything, or none; keeps what was asked."""

    wanted: bool | None = True
    asked: list[str] = field(default_factory=list)

    async def ask(self, messages: Sequence[Message]) -> Sequence[bool] | None:
        self.asked += [message.event_id for message in messages]
        return None if self.wanted is None else [self.wanted] * len(messages)


@dataclass(slots=True)
class Provider:
    """A provider that answers as told, then accepts; keeps every id it was handed."""

    outcomes: list[Outcome] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    answering: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.answering.set()

    async def send(self, notification_id: str, recipient: Person, rendered: Rendered) -> Outcome:
        self.taken.append(notification_id)
        await self.answering.wait()
        return self.outcomes.pop(0) if self.outcomes else Accepted()


@dataclass(slots=True, kw_only=True)
class Stage:
    """Everything around one dispatcher."""

    database: Database
    people: PeopleStore
    outgoing: OutgoingStore
    inbox: InboxStore
    publisher: Publisher
    answers: Answers
    mail: Provider
    clock: ManualClock
    dispatcher: Dispatcher

    def another_dispatcher(self, answers: Answers | None = None) -> Dispatcher:
        """A second process on the same database."""
        return dispatcher(self, answers or self.answers)

    async def know(self, person_id: str, *, email: str = "", zone: str = "UTC", half: str | None = None) -> None:
        """A person's profile arrives, or one half of it."""
        halves = {
            PUBLIC: {"name": person_id.title(), "title": "Buyer", "unit": "Ops", "city": "Oslo"},
            PRIVATE: {"email": email, "time_zone": zone},
        }
        for name, document in halves.items():
            if half in (None, name):
                await self._keep(name, State(key=person_id, version=1, document=document))

    async def erase(self, person_id: str) -> None:
        """A person was erased."""
        for name in (PUBLIC, PRIVATE):
            await self._keep(name, State(key=person_id, version=9, document=None))

    async def _keep(self, half: str, state: State) -> None:
        async def body(session: Session) -> None:
            await self.people.keep(session, half, [state])

        await self.database.transaction(body)

    async def invite(
        self,
        event_id: str,
        recipient: str,
        *channels: Channel,
        expires: timedelta | None = timedelta(days=7),
        about: str = "bo",
    ) -> list[Notification]:
        """A message for a recipient becomes notifications."""
        message = Message(
            event_id=event_id,
            type=MessageType.INVITATION,
            recipient_id=recipient,
            introduction_id=f"about-{event_id}",
            other_person_ids=(about,),
            kind="peer",
            reasons=(),
            starters=(),
            expire_time=None if expires is None else self.clock.now() + expires,
        )
        notifications = plan(message, channels or (Channel.INBOX,), self.clock.now())

        async def body(session: Session) -> None:
            await self.outgoing.insert(session, notifications)

        await self.database.transaction(body)
        return notifications

    async def close(self, event_id: str, recipient: str) -> None:
        """The question of an event is over."""

        async def body(session: Session) -> None:
            suppressed = await self.outgoing.close_questions(session, {(f"about-{event_id}", recipient)})
            await self.publisher.publish(session, suppressed)

        await self.database.transaction(body)

    async def of(self, event_id: str) -> dict[Channel, Notification]:
        """What became of an event's notifications."""
        found = await self.inbox.of_events([event_id])
        return {notification.channel: notification for notification, _ in found.get(event_id, [])}

    async def published(self) -> list[tuple[str, int]]:
        """Recipient and status of every fact in the outbox."""
        facts: list[tuple[str, int]] = []
        for row in await self.database.collection("outbox").find({}):
            for value in row["values"]:
                event: Proto = events_pb2.NotificationStatusChanged.FromString(value)
                facts.append((event.recipient_id, event.status))  # type: ignore[attr-defined]
        return facts


def dispatcher(stage: Stage, answers: Answers) -> Dispatcher:
    return Dispatcher(
        database=stage.database,
        outgoing=stage.outgoing,
        people=stage.people,
        publisher=stage.publisher,
        still_wanted=answers,
        channels={Channel.INBOX: InboxChannel(), Channel.EMAIL: stage.mail},
        renderer=Renderer(UTC_ZONE),
        quiet_hours=QuietHours(start=time(20, 0), end=time(7, 0)),
        default_zone=UTC_ZONE,
        limits=Limits(batch=50, concurrent_sends=4, claim_seconds=60, poll_seconds=0.05),
        notify=lambda: None,
        clock=stage.clock,
    )


@asynccontextmanager
async def open_stage(uri: str, name: str, start: datetime) -> AsyncIterator[Stage]:
    """A stage in a database of its own, dropped at the end."""
    # Transactions wait for the database's sake in real time.
    database = Database.connect(MongoSettings(uri=uri), name, clock=SystemClock())
    clock = ManualClock(start)
    outbox = Outbox(
        database,
        [NOTIFICATIONS],
        source="acquaint/notifications",
        clock=clock,
        settings=JournalSettings(),
        metrics=Metrics.create(),
    )
    await database.ensure(SPECS)
    await outbox.ensure()
    people = PeopleStore(database)
    stage = Stage(
        database=database,
        people=people,
        outgoing=OutgoingStore(database, people),
        inbox=InboxStore(database, people),
        publisher=Publisher(outbox, clock),
        answers=Answers(),
        mail=Provider(),
        clock=clock,
        dispatcher=None,  # type: ignore[arg-type]
    )
    stage.dispatcher = dispatcher(stage, stage.answers)
    try:
        yield stage
    finally:
        await database.drop()
        await database.close()
