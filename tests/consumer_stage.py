"""Where consumers are tried: one topic, one group, a real database, and either the real broker or the one in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from acquaint.profiles.v1.events_pb2 import PersonErased
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import UnknownTopicOrPartitionError

from services.platform.clock import SystemClock
from services.platform.consumer import Consumers, Delivery, Poison, Subscription
from services.platform.consumer.dead_letters import KafkaDeadLetters, Letter
from services.platform.mongo import Database, Session, UpdateOne
from services.platform.settings import ConsumerSettings, KafkaSettings, MongoSettings
from services.platform.telemetry import Metrics
from services.platform.testing import eventually
from services.platform.testing.deliveries import MemoryBroker, MemoryDeadLetters, MemoryTransport
from services.platform.topics import Topic, TopicKind, ensure

EVENT = PersonErased.DESCRIPTOR.full_name
GROUP = "readers"
QUICK = ConsumerSettings(
    backoff_seconds=0.05, maximum_backoff_seconds=0.2, status_seconds=0.1, watchdog_seconds=1.0, batch_timeout_ms=20
)
Header = tuple[str, Any]


def topic_of(kind: TopicKind, name: str, partitions: int = 2) -> Topic:
    """A topic that carries PersonErased, which has two rules: a person and a version above 0."""
    return Topic(name=name, kind=kind, key="", partitions=partitions, events={EVENT: PersonErased}, consumers=(GROUP,))


def event(person: str, version: int = 1) -> bytes:
    """The value of a good record."""
    return PersonErased(person_id=person, version=version).SerializeToString()


def headers(id: str | None = None, source: str | None = None, type: str = EVENT) -> list[Header]:
    """The headers of a good record."""
    given = [("ce_id", id), ("ce_source", source), ("ce_type", type)]
    return [(name, value.encode()) for name, value in given if value is not None]


class Side(Protocol):
    """The broker's side of a stage."""

    topic: Topic

    async def send(
        self, value: bytes | None, headers: Sequence[Header] = (), *, partition: int = 0, key: bytes | None = None
    ) -> None: ...

    async def letters(self) -> list[Letter]: ...

    async def commit_elsewhere(self, offset: int, partition: int = 0) -> None:
        """What the broker believes about the group's offset, whatever the truth is."""
        ...

    async def make_anew(self) -> None:
        """Deletes the topic with all its records and creates it again."""
        ...

    def parts(self) -> dict[str, Any]:
        """What Consumers need to read from this side."""
        ...


class KafkaSide:
    """The real broker."""

    def __init__(self, bootstrap: str, topic: Topic, producer: AIOKafkaProducer) -> None:
        self.settings = KafkaSettings(bootstrap=bootstrap, request_timeout_seconds=5.0)
        self.topic, self._producer = topic, producer

    async def send(
        self, value: bytes | None, headers: Sequence[Header] = (), *, partition: int = 0, key: bytes | None = None
    ) -> None:
        await self._producer.send(self.topic.name, value, key=key, partition=partition, headers=list(headers))

    async def flush(self) -> None:
        await self._producer.flush()

    async def letters(self) -> list[Letter]:
        read = KafkaDeadLetters(self.settings, f"{self.topic.name}.{GROUP}.dlq").read()
        return [letter async for letters in read for letter in letters]

    async def commit_elsewhere(self, offset: int, partition: int = 0) -> None:
        group = f"{GROUP}.{self.topic.name}"
        consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.bootstrap, group_id=group, enable_auto_commit=False)
        await consumer.start()
        place = TopicPartition(self.topic.name, partition)
        consumer.assign([place])
        await consumer.commit({place: offset})
        await consumer.stop()

    async def make_anew(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.bootstrap)
        await admin.start()
        await admin.delete_topics([self.topic.name])

        async def gone() -> bool:
            return self.topic.name not in await admin.list_topics()

        await eventually(gone, what="the topic's deletion")
        await admin.close()

        async def created() -> bool:
            with suppress(Exception):
                await ensure(self.settings, [self.topic])
                return True
            return False

        await eventually(created, what="the topic's creation")
        await eventually(self._writable, what="a leader for the new topic")

    async def _writable(self) -> bool:
        with suppress(UnknownTopicOrPartitionError):
            await self._producer.client.force_metadata_update()
            return bool(await self._producer.partitions_for(self.topic.name))
        return False

    def parts(self) -> dict[str, Any]:
        return {}


class MemorySide:
    """The broker in memory."""

    settings = KafkaSettings()

    def __init__(self, topic: Topic) -> None:
        self.topic, self.broker, self.dead = topic, MemoryBroker(), MemoryDeadLetters()
        self.members: list[MemoryTransport] = []
        self.broker.create(topic.name, topic.partitions)

    async def send(
        self, value: bytes | None, headers: Sequence[Header] = (), *, partition: int = 0, key: bytes | None = None
    ) -> None:
        self.broker.append(self.topic.name, value, headers=headers, key=key, partition=partition)

    async def letters(self) -> list[Letter]:
        return list(self.dead.letters)

    async def commit_elsewhere(self, offset: int, partition: int = 0) -> None:
        self.broker.commits.setdefault((self.topic.name, GROUP), {})[partition] = offset

    async def make_anew(self) -> None:
        self.broker.create(self.topic.name, self.topic.partitions)

    def parts(self) -> dict[str, Any]:
        def transport(subscription: Subscription) -> MemoryTransport:
            self.members.append(MemoryTransport(self.broker, self.topic.name, GROUP))
            return self.members[-1]

        return {"transport": transport, "dead_letters": lambda _: self.dead}


@dataclass
class Effects:
    """A handler whose effects can be counted: times per identity, order per source."""

    database: Database
    refuse: Callable[[Delivery], str | None] = lambda _: None
    fail: Callable[[Delivery], bool] = lambda _: False
    batches: list[int] = field(default_factory=list)

    async def __call__(self, session: Session, deliveries: Sequence[Delivery]) -> Sequence[Poison]:
        self.batches.append(len(deliveries))
        if any(self.fail(delivery) for delivery in deliveries):
            raise KeyError("a defect")
        poison = [
            Poison(delivery=each, reason=reason) for each in deliveries if (reason := self.refuse(each)) is not None
        ]
        bad = {each.delivery.identity for each in poison}
        good = [each for each in deliveries if each.identity not in bad]
        times = [UpdateOne({"_id": each.identity}, {"$inc": {"times": 1}}, upsert=True) for each in good]
        await self.database.collection("effects").bulk_write(times, ordered=False, session=session)
        lanes: dict[str, list[str]] = {}
        for each in good:
            lanes.setdefault(each.source or str(each.partition), []).append(each.event.person_id)  # type: ignore[attr-defined]
        orders = [
            UpdateOne({"_id": lane}, {"$push": {"people": {"$each": who}}}, upsert=True) for lane, who in lanes.items()
        ]
        await self.database.collection("orders").bulk_write(orders, ordered=False, session=session)
        return poison

    async def total(self) -> int:
        """How many identities had an effect."""
        return await self.database.collection("effects").count({})

    async def doubled(self) -> int:
        """How many had more than one."""
        return await self.database.collection("effects").count({"times": {"$ne": 1}})

    async def order(self, lane: str) -> list[str]:
        """The people of a source (or partition, without sources) in the order of their effects."""
        document = await self.database.collection("orders").find_one({"_id": lane})
        return document["people"] if document else []


@dataclass
class Stage:
    """A side, a database and a handler; `consumers()` makes as many members as a test wants."""

    side: Any
    database: Database
    effects: Effects
    metrics: Metrics = field(default_factory=Metrics.create)
    stuck: int = 0

    def consumers(self, settings: ConsumerSettings = QUICK, **changes: Any) -> Consumers:
        subscription = Subscription(
            topic=self.side.topic, group=GROUP, handler=changes.pop("handler", self.effects), **changes
        )
        return Consumers(
            self.database,
            self.side.settings,
            [subscription],
            clock=SystemClock(),
            settings=settings,
            metrics=self.metrics,
            stuck=self._stuck,
            **self.side.parts(),
        )

    def _stuck(self) -> None:
        self.stuck += 1

    @asynccontextmanager
    async def running(self, settings: ConsumerSettings = QUICK, **changes: Any) -> AsyncIterator[Consumers]:
        consumers = self.consumers(settings, **changes)
        await consumers.start()
        try:
            yield consumers
        finally:
            await consumers.stop()

    async def send_people(
        self, count: int, *, source: str | None = None, partition: int = 0, prefix: str = "p"
    ) -> None:
        """`count` good records, in order."""
        for number in range(count):
            person = f"{prefix}{number}"
            await self.side.send(
                event(person), headers(f"{prefix}{number}" if source else None, source), partition=partition
            )

    async def handled(self, count: int, timeout: float = 20.0) -> None:
        """Waits until so many identities had their effect."""

        async def enough() -> bool:
            return await self.effects.total() >= count

        await eventually(enough, timeout=timeout, what=f"{count} effects")
        assert await self.effects.total() == count
        assert await self.effects.doubled() == 0

    async def eventually_counted(self, consumers: Consumers, *, handled: int = 0, poison: int = 0) -> None:
        """Waits until this process counts so many records."""

        async def counted() -> bool:
            (status,) = await consumers.status()
            return status.handled >= handled and status.poison >= poison

        await eventually(counted, timeout=20.0, what=f"{handled} handled, {poison} poison")

    async def buried(self, count: int, timeout: float = 20.0) -> list[Letter]:
        """Waits until there are so many dead letters."""

        async def enough() -> bool:
            return len(await self.side.letters()) >= count

        await eventually(enough, timeout=timeout, what=f"{count} dead letters")
        return await self.side.letters()  # type: ignore[no-any-return]


@asynccontextmanager
async def open_stage(
    transport: str, kind: TopicKind, bootstrap: str, uri: str, name: str, partitions: int = 2
) -> AsyncIterator[Stage]:
    """A stage on `transport` (kafka or memory) with a topic and a database of its own."""
    topic = topic_of(kind, f"{name}.{kind.value}", partitions)
    database = Database.connect(MongoSettings(uri=uri, server_selection_seconds=0.5), f"{name}_{kind.value}")
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=2, acks="all")
    try:
        if transport == "kafka":
            await ensure(KafkaSettings(bootstrap=bootstrap), [topic])
            await producer.start()
            side: KafkaSide | MemorySide = KafkaSide(bootstrap, topic, producer)
        else:
            side = MemorySide(topic)
        yield Stage(side=side, database=database, effects=Effects(database))
    finally:
        await asyncio.shield(producer.stop())
        await database.drop()
        await database.close()
