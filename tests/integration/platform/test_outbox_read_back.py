"""The owner of a compacted topic finds out by reading it back what a late reader would miss, and publishes it again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from services.platform.clock import SystemClock
from services.platform.envelope import Fact, Stamp
from services.platform.log import LogRecord
from services.platform.mongo import Database, Session
from services.platform.outbox import Outbox, OwnState, Relay, StateReadBack
from services.platform.settings import JournalSettings, MongoSettings, RelaySettings
from services.platform.telemetry import Metrics
from services.platform.testing import eventually
from services.platform.testing.log import MemoryLog
from services.platform.topics import Topic, TopicKind
from tests import runtime


def state_classes() -> tuple[type[Message], type[Message]]:
    """Two messages with an int64 version, as every event of a state topic has."""
    file = FileDescriptorProto(name="tests/read_back.proto", package="tests", syntax="proto3")
    for name in ("ThingState", "ThingEnded"):
        message: DescriptorProto = file.message_type.add(name=name)
        message.field.add(name="version", number=2, type="TYPE_INT64", label="LABEL_OPTIONAL", json_name="version")
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    found = pool.FindFileByName("tests/read_back.proto").message_types_by_name
    return GetMessageClass(found["ThingState"]), GetMessageClass(found["ThingEnded"])


ThingState, ThingEnded = state_classes()
TOPIC = Topic(
    name="tests.things.v1",
    kind=TopicKind.STATE,
    key="thing",
    partitions=2,
    writer="tests",
    events={each.DESCRIPTOR.full_name: each for each in (ThingState, ThingEnded)},
)


@dataclass
class Things:
    """The owner's store: version and whether it ended, by key."""

    database: Database
    outbox: Outbox
    present: dict[str, tuple[int, bool]] = field(default_factory=dict)
    again: list[str] = field(default_factory=list)

    async def states(self, after: str, limit: int) -> Sequence[OwnState]:
        keys = sorted(key for key in self.present if key > after)[:limit]
        return [OwnState(key=key, version=self.present[key][0], final=self.present[key][1]) for key in keys]

    async def republish(self, keys: Sequence[str]) -> None:
        self.again += keys
        await self.publish(*keys)

    async def publish(self, *keys: str) -> None:
        async def body(session: Session) -> None:
            await self.outbox.append(session, TOPIC, [self.fact(key) for key in keys])

        await self.database.transaction(body)
        self.outbox.notify()

    def fact(self, key: str) -> Fact:
        version, ended = self.present[key]
        message = ThingEnded(version=version) if ended else ThingState(version=version)
        return Fact(id=f"{key}/{version}", key=key, message=message, version=version)


@dataclass
class Stage:
    things: Things
    log: MemoryLog
    relay: Relay
    read_back: StateReadBack

    async def change(self, key: str, version: int, *, ended: bool = False, published: bool = True) -> None:
        self.things.present[key] = (version, ended)
        if published:
            await self.things.publish(key)
            await self.drained()

    async def drained(self) -> None:
        async def empty() -> bool:
            statuses = await self.relay.status()
            return all(each.published_through == each.next_sequence - 1 and not each.unpublished for each in statuses)

        await eventually(empty, what="an empty outbox")

    def last(self, key: str) -> tuple[str, int]:
        """What a reader that starts now and keeps the last record of a key would know."""
        found = [
            record
            for partition in range(2)
            for record in self.log.records(TOPIC.name, partition)
            if record.key == key.encode()
        ]
        kind = dict(found[-1].headers)["ce_type"].decode()
        event = TOPIC.events[kind].FromString(found[-1].value or b"")
        return kind.rpartition(".")[2], event.version  # type: ignore[attr-defined]

    def repeat_first(self, key: str) -> None:
        """A zombie's late repeat of the oldest record of a key."""
        for partition in range(2):
            for record in list(self.log.records(TOPIC.name, partition)):
                if record.key == key.encode():
                    self.log.apply(TOPIC.name, partition, [LogRecord(record.key, record.value, record.headers)])
                    return


@pytest.fixture
async def stage(database: runtime.Database, database_name: str) -> AsyncIterator[Stage]:
    connected = Database.connect(MongoSettings(uri=database.uri), database_name)
    clock, metrics, settings = SystemClock(), Metrics.create(), RelaySettings()
    outbox = Outbox(connected, [TOPIC], source="tests", clock=clock, settings=JournalSettings(), metrics=metrics)
    log = MemoryLog({TOPIC.name: 2})
    relay = Relay(connected, outbox, log, clock=clock, settings=settings, metrics=metrics)
    things = Things(connected, outbox)
    read_back = StateReadBack(
        TOPIC, things, database=connected, log=log, clock=clock, settings=settings, metrics=metrics, final=ThingEnded
    )
    await relay.start()
    yield Stage(things, log, relay, read_back)
    await relay.kill()
    await connected.drop()
    await connected.close()


async def test_a_topic_that_holds_every_present_state_is_left_alone(stage: Stage) -> None:
    for key in ("a", "b", "c", "d"):
        await stage.change(key, 1)
    await stage.change("a", 2)
    await stage.change("b", 2, ended=True)
    assert await stage.read_back.check() == 0
    assert stage.things.again == []


async def test_a_state_that_compaction_lost_to_a_stale_repeat_is_published_again(stage: Stage) -> None:
    await stage.change("a", 1)
    await stage.change("a", 2)
    stage.repeat_first("a")
    stage.log.compact(TOPIC.name)
    assert stage.last("a") == ("ThingState", 1)
    assert await stage.read_back.check() == 1
    await stage.drained()
    stage.log.compact(TOPIC.name)
    assert stage.last("a") == ("ThingState", 2)


async def test_an_ended_state_that_lost_to_a_stale_repeat_is_published_again(stage: Stage) -> None:
    await stage.change("a", 1)
    await stage.change("a", 2, ended=True)
    stage.repeat_first("a")
    stage.log.compact(TOPIC.name)
    assert await stage.read_back.check() == 1
    await stage.drained()
    assert stage.last("a") == ("ThingEnded", 2)


async def test_a_state_that_was_never_published_is_published(stage: Stage) -> None:
    await stage.change("a", 1)
    await stage.change("b", 4, published=False)
    await stage.change("a", 2, published=False)
    assert await stage.read_back.check() == 2
    await stage.drained()
    assert (stage.last("a"), stage.last("b")) == (("ThingState", 2), ("ThingState", 4))


async def test_a_null_value_does_not_make_a_state_disappear(stage: Stage) -> None:
    await stage.change("a", 1)
    (record,) = [each for partition in range(2) for each in stage.log.records(TOPIC.name, partition)]
    null = LogRecord(b"a", None, Stamp("stranger").headers("x", "tests.ThingState", 9))
    stage.log.apply(TOPIC.name, record.partition, [null])
    assert await stage.read_back.check() == 1
    await stage.drained()
    assert stage.last("a") == ("ThingState", 1)


async def test_a_state_that_is_still_on_its_way_is_not_called_missing(stage: Stage) -> None:
    stage.things.present["a"] = (1, False)
    await stage.things.publish("a")
    assert await stage.read_back.check() == 0
    assert stage.last("a") == ("ThingState", 1)
