"""The lifecycle on a real database, with a driven clock and profiles that answer what a test tells them to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Self

from google.protobuf.message import Message
from prometheus_client import CollectorRegistry

from services.platform.mongo import Database
from services.platform.outbox import Outbox
from services.platform.settings import JournalSettings, MongoSettings
from services.platform.telemetry import Metrics
from services.platform.testing import ManualClock
from services.platform.topics import Topic
from services.recommendations.domain.introduction import Introduction
from services.recommendations.domain.kinds import Kind, LaunchMode
from services.recommendations.domain.people import Cadence, Person
from services.recommendations.domain.reasons import Reason, ReasonType
from services.recommendations.events import TOPICS, Publisher
from services.recommendations.kinds import RECIPES
from services.recommendations.kinds.starters import starters
from services.recommendations.lifecycle import Lifecycle, Proposal, Stores
from services.recommendations.metrics import Counters
from services.recommendations.settings import LifecycleSettings, PlannerSettings
from services.recommendations.store import COLLECTIONS, Claim
from services.recommendations.store.documents import introduction_of
from tests.unit.recommendations.people import NOW

REASONS = (Reason(type=ReasonType.SHARED_SKILL, values=("Go",)),)


class Profiles:
    """What profiles would say: `answering` at all, and `apart`, the people who may not take part."""

    def __init__(self) -> None:
        self.answering = True
        self.apart: set[str] = set()
        self.asked: list[Sequence[str]] = []

    async def allowed(self, groups: Sequence[Sequence[str]]) -> list[bool] | None:
        self.asked += groups
        return [self.apart.isdisjoint(group) for group in groups] if self.answering else None


class Said(Publisher):
    """The outbox in the database, and a list of what was committed to it."""

    async def facts(self, database: Database) -> list[tuple[str, Message]]:
        """(id, event) of everything in the outbox, in no order."""
        found: list[tuple[str, Message]] = []
        for row in await database.collection("outbox").find({}):
            topic: Topic = TOPICS[row["shard"].rsplit("/", 1)[0]]
            kinds = [row["type"]] * row["count"] if isinstance(row["type"], str) else row["type"]
            for message_id, kind, value in zip(row["ids"], kinds, row["values"], strict=True):
                found.append((message_id, topic.events[kind].FromString(value)))
        return found


class Lives:
    """One database of its own; several lifecycles may work on it as replicas do."""

    def __init__(
        self, uri: str, name: str, *, planner: PlannerSettings | None = None, clock: ManualClock | None = None
    ) -> None:
        self.clock = clock or ManualClock(NOW)
        self.profiles = Profiles()
        self.planner = planner or PlannerSettings()
        self.settings = LifecycleSettings()
        self._uri = uri
        self._name = name

    async def __aenter__(self) -> Self:
        self.database = Database.connect(MongoSettings(uri=self._uri, database=self._name))
        outbox = Outbox(
            self.database,
            TOPICS,
            source="acquaint/recommendations",
            clock=self.clock,
            settings=JournalSettings(),
            metrics=Metrics.create(),
        )
        await self.database.ensure(COLLECTIONS)
        await outbox.ensure()
        self.stores = Stores.of(self.database)
        self.said = Said(outbox)
        self.lifecycle = self.lifecycle_at(self.clock)
        await self.stores.launch.set(LaunchMode.ON)
        return self

    def lifecycle_at(self, clock: ManualClock) -> Lifecycle:
        """A lifecycle by this clock."""
        return Lifecycle(
            database=self.database,
            stores=self.stores,
            publisher=self.said,
            participants=self.profiles,
            settings=self.settings,
            planner=self.planner,
            counters=Counters.create(CollectorRegistry()),
            clock=clock,
        )

    async def __aexit__(self, *_: object) -> None:
        await self.database.drop()
        await self.database.close()

    async def begin_anew(self) -> None:
        """Forgets everything but the collections."""
        self.clock = ManualClock(NOW)
        self.lifecycle = self.lifecycle_at(self.clock)
        self.profiles.apart, self.profiles.answering = set(), True
        for name in ("introductions", "capacity", "due_people", "outbox"):
            await self.database.collection(name).delete_many({})

    async def everything(self) -> list[Introduction]:
        """Every introduction there is, by id."""
        found = await self.database.collection("introductions").find({}, sort=[("_id", 1)])
        return [introduction_of(document) for document in found]

    async def facts(self) -> list[tuple[str, Message]]:
        """Everything said so far."""
        return await self.said.facts(self.database)

    async def claimed(self, person_id: str, cadence: Cadence = Cadence.WEEKLY) -> Claim:
        """A claim of the person, who is made due for it."""
        now = self.clock.now()
        await self.stores.due.enter({person_id: cadence}, now)
        await self.database.collection("due_people").update_many(
            {"due_time": {"$lte": now}}, {"$set": {"due_time": now + timedelta(days=365)}}
        )
        await self.stores.due.hurry([person_id], now)
        claim = await self.stores.due.claim(self.clock.now(), lease_seconds=30)
        assert claim is not None
        assert claim.person_id == person_id
        return claim

    async def introduced(self, asker: Person, other: Person, mode: LaunchMode = LaunchMode.ON) -> Introduction:
        """An introduction that the asker's turn led to."""
        await self.stores.due.enter({other.person_id: Cadence.WEEKLY}, self.clock.now())
        claim = await self.claimed(asker.person_id)
        try:
            return await self.lifecycle.propose(claim, proposal(asker, other), mode)
        except Exception:
            await self.stores.due.give_back(claim, self.clock.now() + timedelta(days=365))
            raise

    async def pass_time(self) -> None:
        """Does all that is due now."""
        for introduction_id in await self.stores.introductions.due(self.clock.now(), 100):
            await self.lifecycle.let_time_pass(introduction_id)


def proposal(asker: Person, other: Person) -> Proposal:
    """Two people with a reason."""
    return Proposal(recipe=RECIPES[Kind.PEER], asker=asker, other=other, reasons=REASONS, starters=starters(REASONS))


def by_type(facts: Sequence[tuple[str, Message]]) -> Mapping[str, int]:
    """How many there are of each event."""
    counted: dict[str, int] = {}
    for _, event in facts:
        counted[event.DESCRIPTOR.name] = counted.get(event.DESCRIPTOR.name, 0) + 1
    return counted
