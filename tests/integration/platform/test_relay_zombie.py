"""A relay that was paused for long and goes on as if nothing had happened can repeat, and can do nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Any

import pytest

from services.platform.log import KafkaLog, LogRecord, LogWriter
from services.platform.mongo import Collection as MongoCollection
from services.platform.mongo import Database, Session, Written, admin_command
from services.platform.outbox.documents import ROWS, SHARDS
from services.platform.outbox.ports import LeaseLost, Shard, ShardState
from services.platform.outbox.relay import Relay
from services.platform.outbox.store import MongoLeaseStore, MongoRowStore
from services.platform.settings import KafkaSettings, MongoSettings
from services.platform.telemetry import Metrics
from services.platform.testing import eventually
from tests import runtime
from tests.integration.platform.outbox_stage import Stage, fact_topic


@pytest.fixture
async def stage(
    broker: runtime.Broker, database: runtime.Database, database_name: str, topic_prefix: str
) -> AsyncIterator[Stage]:
    opened = Stage(
        kafka=KafkaSettings(bootstrap=broker.bootstrap),
        mongo=MongoSettings(uri=database.uri),
        name=database_name,
        table=[fact_topic(f"{topic_prefix}facts.v1")],
    )
    await opened.open()
    yield opened
    await opened.close()


class Pause:
    """Where somebody stands until told to go on."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()
        self.armed = False

    async def __call__(self) -> None:
        if self.armed:
            self.reached.set()
            await self.go_on.wait()


class PausingShards(MongoCollection):
    """The shards' documents, written only after a pause."""

    pause: Pause

    async def update_one(
        self, filter: Mapping[str, Any], update: Any, *, upsert: bool = False, session: Session | None = None
    ) -> Written:
        await self.pause()
        return await super().update_one(filter, update, upsert=upsert, session=session)


class PausingDatabase(Database):
    """Pauses in the numbering transaction: everything is read, nothing is written yet."""

    pause: Pause

    def collection(self, name: str) -> MongoCollection:
        if name != SHARDS:
            return super().collection(name)
        shards = PausingShards(self._raw[name])
        shards.pause = self.pause
        return shards


class PausingLeases(MongoLeaseStore):
    """The lease traffic of a process that can be stopped."""

    def __init__(self, database: Database, pause: Pause) -> None:
        super().__init__(database)
        self._pause = pause

    async def states(self) -> Sequence[ShardState]:
        await self._pause()
        return await super().states()

    async def renew(self, epochs: Mapping[Shard, int]) -> Collection[Shard]:
        await self._pause()
        return await super().renew(epochs)


class PausingWriter:
    """A writer whose batches leave only after a pause."""

    def __init__(self, inner: LogWriter, pause: Pause) -> None:
        self._inner, self._pause = inner, pause

    async def send(self, topic: str, partition: int, records: Iterable[LogRecord]) -> None:
        batch = list(records)
        await self._pause()
        await self._inner.send(topic, partition, batch)

    async def abandon(self) -> None:
        await self._inner.abandon()


class PausingLog(KafkaLog):
    def __init__(self, settings: KafkaSettings, pause: Pause) -> None:
        super().__init__(settings)
        self._pause = pause

    async def open(self) -> LogWriter:
        return PausingWriter(await super().open(), self._pause)


async def test_a_paused_numbering_transaction_loses_to_its_successor(stage: Stage) -> None:
    (shard,) = stage.outbox.shards
    leases, rows = MongoLeaseStore(stage.database), MongoRowStore(stage.database)
    held = await leases.take((await leases.states())[0])
    assert held is not None
    await stage.append("zombie's", version=7)
    paused = PausingDatabase.connect(stage.mongo, stage.name)
    stage.databases.append(paused)
    paused.pause = Pause()
    paused.pause.armed = True
    zombie = asyncio.create_task(MongoRowStore(paused).number(shard, held.epoch, 100))
    await paused.pause.reached.wait()

    taken = await leases.take((await leases.states())[0])
    assert taken is not None
    await stage.append("successor's", version=1)
    assert (await rows.number(shard, taken.epoch, 1)).through == 1
    paused.pause.go_on.set()
    with pytest.raises(LeaseLost):
        await zombie

    assert await rows.next_sequence(shard) == 2
    assert [row.columns.ids for row in await rows.unpublished(shard, 1000)] == [["successor's"]]
    assert (await rows.number(shard, taken.epoch, 100)).through == 2


async def test_a_relay_paused_before_its_send_repeats_and_does_nothing_else(stage: Stage) -> None:
    sending, leasing = Pause(), Pause()
    database = stage.connect()
    zombie = Relay(
        database,
        stage.outbox_on(database),
        PausingLog(stage.kafka, sending),
        clock=stage.clock,
        settings=stage.settings,
        metrics=Metrics.create(),
        leases=PausingLeases(database, leasing),
    )
    stage.relays.append(zombie)
    await zombie.start()
    await stage.append("id-1", "id-2")
    await eventually(stage.has_published(2), what="the first records")

    sending.armed = leasing.armed = True
    await stage.append("id-3", "id-4")
    await sending.reached.wait()
    await leasing.reached.wait()
    successor = stage.relay()
    await successor.start()
    await stage.append("id-5", "id-6")
    await eventually(stage.has_published(6), what="the successor's records")

    sending.go_on.set()

    async def repeated() -> bool:
        return len(await stage.published()) == 8

    await eventually(repeated, what="the zombie's repeat")
    leasing.go_on.set()
    held = zombie._metrics.relay_held.labels(stage.topic.name, 0)
    await eventually(lambda: held._value.get() == 0, what="the zombie's insight")
    await stage.append("id-7")
    await eventually(stage.has_published(7), what="the last record")
    assert [each.sequence for each in await stage.published()] == [1, 2, 3, 4, 5, 6, 3, 4, 7]
    assert await stage.folded() == [f"id-{number}" for number in range(1, 8)]
    assert await stage.log.last_sequence(stage.topic.name, 0) == 7


async def test_what_is_sent_was_read_back_as_a_majority_holds_it(stage: Stage) -> None:
    await admin_command(stage.mongo.uri, {"profile": 2}, database=stage.name)
    await stage.relay().start()
    await stage.append("id-1", "id-2")
    await eventually(stage.has_published(2), what="two records")
    await admin_command(stage.mongo.uri, {"profile": 0}, database=stage.name)
    profile = stage.database.collection("system.profile")
    commands = [each["command"] for each in await profile.find({"ns": f"{stage.name}.{ROWS}", "op": "query"})]
    sent = [each for each in commands if each.get("filter", {}).get("unpublished") and "projection" not in each]
    assert sent
    assert {each["readConcern"]["level"] for each in sent} == {"majority"}


async def test_a_mark_never_brings_an_expired_row_back(stage: Stage) -> None:
    (shard,) = stage.outbox.shards
    leases, store = MongoLeaseStore(stage.database), MongoRowStore(stage.database)
    held = await leases.take((await leases.states())[0])
    assert held is not None
    await stage.append("id-1")
    await store.number(shard, held.epoch, 10)
    rows = await store.unpublished(shard, 1000)
    await stage.database.collection(ROWS).delete_many({})
    await store.mark(shard, rows)
    assert await stage.database.collection(ROWS).count({}) == 0
