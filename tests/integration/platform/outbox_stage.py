"""A topic, a database and relays on the session's real broker and database, for the tests of the outbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from google.protobuf.wrappers_pb2 import Int64Value, StringValue

from services.platform import topics
from services.platform.clock import SystemClock
from services.platform.envelope import Fact, Received
from services.platform.log import KafkaLog, LogFactory
from services.platform.mongo import Database, Session
from services.platform.outbox import Outbox, Relay
from services.platform.settings import JournalSettings, KafkaSettings, MongoSettings, RelaySettings
from services.platform.telemetry import Metrics
from services.platform.topics import Topic, TopicKind

# Short, so that takeovers and timeouts are waited for in seconds.
RELAY = RelaySettings(lease_seconds=1.2, backoff_seconds=0.05, maximum_backoff_seconds=0.2, flush_seconds=2.0)
EVENTS = {each.DESCRIPTOR.full_name: each for each in (StringValue, Int64Value)}


def fact_topic(name: str, *, partitions: int = 1, journal_forever: bool = False) -> Topic:
    return Topic(
        name=name,
        kind=TopicKind.FACT,
        key="thing",
        partitions=partitions,
        retention=timedelta(days=1),
        writer="tests",
        events=EVENTS,
        journal_forever=journal_forever,
    )


@dataclass
class Stage:
    """One service's outbox. Relays that were not stopped are killed at the end."""

    kafka: KafkaSettings
    mongo: MongoSettings
    name: str
    table: Sequence[Topic]
    journal: JournalSettings = field(default_factory=JournalSettings)
    settings: RelaySettings = RELAY
    clock: SystemClock = field(default_factory=SystemClock)
    relays: list[Relay] = field(default_factory=list)
    databases: list[Database] = field(default_factory=list)

    @property
    def topic(self) -> Topic:
        return self.table[0]

    @property
    def log(self) -> KafkaLog:
        return KafkaLog(self.kafka)

    async def open(self) -> None:
        await topics.ensure(self.kafka, self.table)
        self.database = self.connect()
        self.outbox = self.outbox_on(self.database)
        await self.outbox.ensure()

    def connect(self, kind: type[Database] = Database) -> Database:
        connected = kind.connect(self.mongo, self.name)
        self.databases.append(connected)
        return connected

    def outbox_on(self, database: Database, table: Sequence[Topic] | None = None) -> Outbox:
        return Outbox(
            database,
            table or self.table,
            source="tests",
            clock=self.clock,
            settings=self.journal,
            metrics=Metrics.create(),
        )

    def relay(
        self, *, database: Database | None = None, log: LogFactory | None = None, outbox: Outbox | None = None
    ) -> Relay:
        """A relay as another process would run it: with connections of its own."""
        own = database or self.connect()
        made = Relay(
            own,
            outbox or self.outbox_on(own),
            log or self.log,
            clock=self.clock,
            settings=self.settings,
            metrics=Metrics.create(),
        )
        self.relays.append(made)
        return made

    async def append(self, *ids: str, key: str | None = None, version: int = 0, topic: Topic | None = None) -> None:
        async def body(session: Session) -> None:
            facts = [Fact(id=id, key=key, message=StringValue(value=f"content of {id}")) for id in ids]
            await self.outbox.append(session, topic or self.topic, facts, version=version)

        await self.database.transaction(body)
        self.outbox.notify()

    async def published(self, partition: int = 0, topic: Topic | None = None) -> list[Received]:
        pages = self.log.read((topic or self.topic).name, partition)
        return [each async for page in pages for each in page]

    async def folded(self, partition: int = 0) -> list[str]:
        """What a reader that keeps the highest sequence applies, in its order; a gap fails."""
        applied: list[str] = []
        for each in await self.published(partition):
            assert each.sequence is not None
            assert each.sequence <= len(applied) + 1, f"{each.sequence} came before {len(applied) + 1}"
            if each.sequence == len(applied) + 1:
                applied.append(each.id or "")
        return applied

    def has_published(self, count: int, partition: int = 0) -> Callable[[], Awaitable[bool]]:
        async def reached() -> bool:
            return len(await self.folded(partition)) >= count

        return reached

    async def close(self) -> None:
        for each in self.relays:
            await each.kill()
        await self.database.drop()
        for connected in self.databases:
            await connected.close()


def impatient(kafka: KafkaSettings, seconds: float = 1.0) -> KafkaSettings:
    """Settings under which a request to a silent broker fails soon."""
    return kafka.model_copy(update={"request_timeout_seconds": seconds})


def renamed(topic: Topic, **changes: object) -> Topic:
    """The topic with other properties."""
    return replace(topic, **changes)  # type: ignore[arg-type]
