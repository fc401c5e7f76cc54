"""What the relay relies on in leases and rows, held against MongoDB and against the fake."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from services.platform.clock import SystemClock
from services.platform.envelope import Fact
from services.platform.mongo import Database, Session
from services.platform.outbox import Outbox, Shard
from services.platform.outbox.ports import LeaseLost, LeaseStore, RowStore, ShardState
from services.platform.outbox.store import MongoLeaseStore, MongoRowStore
from services.platform.settings import JournalSettings, MongoSettings
from services.platform.telemetry import Metrics
from services.platform.testing.journal import MemoryJournal
from services.platform.topics import Topic, TopicKind
from tests import runtime

TOPIC = Topic(
    name="tests.facts.v1",
    kind=TopicKind.FACT,
    key="thing",
    partitions=2,
    writer="tests",
    events={StringValue.DESCRIPTOR.full_name: StringValue},
)
# crc32("a") is odd, crc32("d") even: keys of different partitions.
FIRST, SECOND = Shard(topic=TOPIC.name, partition=1), Shard(topic=TOPIC.name, partition=0)
KEYS = {FIRST: "a", SECOND: "d"}


def facts(shard: Shard, *ids: str) -> Sequence[Fact]:
    return [Fact(id=id, key=KEYS[shard], message=StringValue(value=f"content of {id}")) for id in ids]


class Subject(Protocol):
    leases: LeaseStore
    rows: RowStore

    async def append(self, shard: Shard, *ids: str, version: int = 0) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self.journal = MemoryJournal([FIRST, SECOND])
        self.leases: LeaseStore = self.journal
        self.rows: RowStore = self.journal

    async def append(self, shard: Shard, *ids: str, version: int = 0) -> None:
        self.journal.append(shard, facts(shard, *ids), version=version)


class InMongo:
    def __init__(self, database: Database, outbox: Outbox) -> None:
        self.leases: LeaseStore = MongoLeaseStore(database)
        self.rows: RowStore = MongoRowStore(database)
        self._database, self._outbox = database, outbox

    async def append(self, shard: Shard, *ids: str, version: int = 0) -> None:
        async def body(session: Session) -> None:
            await self._outbox.append(session, TOPIC, facts(shard, *ids), version=version)

        await self._database.transaction(body)


@pytest.fixture(params=["memory", "mongo"])
async def subject(
    request: pytest.FixtureRequest, database: runtime.Database, database_name: str
) -> AsyncIterator[Subject]:
    if request.param == "memory":
        yield InMemory()
        return
    connected = Database.connect(MongoSettings(uri=database.uri), database_name)
    outbox = Outbox(
        connected,
        [TOPIC],
        source="tests",
        clock=SystemClock(),
        settings=JournalSettings(),
        metrics=Metrics.create(),
    )
    await outbox.ensure()
    yield InMongo(connected, outbox)
    await connected.drop()
    await connected.close()


async def state(subject: Subject, shard: Shard = FIRST) -> ShardState:
    return next(each for each in await subject.leases.states() if each.shard == shard)


async def take(subject: Subject, shard: Shard = FIRST) -> ShardState:
    taken = await subject.leases.take(await state(subject, shard))
    assert taken is not None
    return taken


async def test_a_new_shard_belongs_to_nobody_and_begins_with_one(subject: Subject) -> None:
    assert {each.shard for each in await subject.leases.states()} == {FIRST, SECOND}
    fresh = await state(subject)
    assert (fresh.released, fresh.next_sequence, fresh.published_through) == (True, 1, 0)


async def test_of_two_who_saw_the_same_only_one_takes_the_shard(subject: Subject) -> None:
    seen = await state(subject)
    first, second = await subject.leases.take(seen), await subject.leases.take(seen)
    assert first is not None
    assert (first.epoch, first.released) == (seen.epoch + 1, False)
    assert second is None


async def test_a_shard_renewed_since_it_was_seen_is_not_taken(subject: Subject) -> None:
    held = await take(subject)
    seen = await state(subject)
    assert set(await subject.leases.renew({FIRST: held.epoch})) == {FIRST}
    assert (await state(subject)).renewals == seen.renewals + 1
    assert await subject.leases.take(seen) is None


async def test_a_lost_lease_is_neither_renewed_nor_released_by_its_former_holder(subject: Subject) -> None:
    lost, other = await take(subject), await take(subject, SECOND)
    taken = await take(subject)
    assert set(await subject.leases.renew({FIRST: lost.epoch, SECOND: other.epoch})) == {SECOND}
    await subject.leases.release({FIRST: lost.epoch})
    now = await state(subject)
    assert (now.epoch, now.released) == (taken.epoch, False)


async def test_a_released_shard_says_so_and_is_not_renewed(subject: Subject) -> None:
    held = await take(subject)
    await subject.leases.release({FIRST: held.epoch})
    assert (await state(subject)).released
    assert set(await subject.leases.renew({FIRST: held.epoch})) <= {FIRST}
    assert (await state(subject)).released


async def test_rows_are_numbered_by_records_without_a_hole_and_read_back_in_order(subject: Subject) -> None:
    held = await take(subject)
    await subject.append(FIRST, "a1", "a2", "a3")
    await subject.append(FIRST, "b1", "b2")
    numbered = await subject.rows.number(FIRST, held.epoch, 100)
    assert (numbered.rows, numbered.through, numbered.published_through) == (2, 5, 0)
    rows = await subject.rows.unpublished(FIRST, 1_000_000)
    assert [row.first_sequence for row in rows] == [1, 1 + rows[0].count]
    assert sorted(id for row in rows for id in row.columns.ids) == ["a1", "a2", "a3", "b1", "b2"]
    await subject.append(FIRST, "c1")
    again = await subject.rows.number(FIRST, held.epoch, 100)
    assert (again.rows, again.through) == (1, 6)
    assert await subject.rows.next_sequence(FIRST) == 7
    assert await subject.rows.next_sequence(SECOND) == 1


async def test_what_is_in_a_row_is_read_back_as_it_was_written(subject: Subject) -> None:
    held = await take(subject)
    await subject.append(FIRST, "a1", "a2")
    await subject.rows.number(FIRST, held.epoch, 100)
    (row,) = await subject.rows.unpublished(FIRST, 1_000_000)
    assert row.columns.types == "google.protobuf.StringValue"
    assert list(row.columns.keys or ()) == ["a", "a"]
    assert [StringValue.FromString(value or b"").value for value in row.columns.values] == [
        "content of a1",
        "content of a2",
    ]


async def test_the_lowest_version_is_numbered_first_whoever_wrote_it_when(subject: Subject) -> None:
    held = await take(subject)
    for version in (5, 3, 9, 4):
        await subject.append(FIRST, f"v{version}", version=version)
    assert (await subject.rows.number(FIRST, held.epoch, 3)).rows == 3
    assert (await subject.rows.number(FIRST, held.epoch, 3)).rows == 1
    rows = await subject.rows.unpublished(FIRST, 1_000_000)
    assert [row.columns.ids[0] for row in rows] == ["v3", "v4", "v5", "v9"]


async def test_a_relay_that_lost_the_shard_numbers_nothing(subject: Subject) -> None:
    lost = await take(subject)
    await take(subject)
    await subject.append(FIRST, "a1")
    with pytest.raises(LeaseLost):
        await subject.rows.number(FIRST, lost.epoch, 100)
    assert await subject.rows.unpublished(FIRST, 1_000_000) == []
    assert set(await subject.rows.waiting([FIRST, SECOND])) == {FIRST}


async def test_rows_without_a_number_are_waiting_and_others_are_not(subject: Subject) -> None:
    held = await take(subject)
    assert set(await subject.rows.waiting([FIRST, SECOND])) == set()
    await subject.append(FIRST, "a1")
    await subject.append(SECOND, "b1")
    assert set(await subject.rows.waiting([FIRST, SECOND])) == {FIRST, SECOND}
    assert set(await subject.rows.waiting([SECOND])) == {SECOND}
    await subject.rows.number(FIRST, held.epoch, 100)
    assert set(await subject.rows.waiting([FIRST, SECOND])) == {SECOND}


async def test_a_marked_row_is_not_read_again_and_the_shard_knows_how_far_it_is(subject: Subject) -> None:
    held = await take(subject)
    await subject.append(FIRST, "a1", "a2", version=1)
    await subject.append(FIRST, "b1", version=2)
    await subject.rows.number(FIRST, held.epoch, 100)
    first, second = await subject.rows.unpublished(FIRST, 1_000_000)
    await subject.rows.mark(FIRST, [first])
    assert [row.first_sequence for row in await subject.rows.unpublished(FIRST, 1_000_000)] == [3]
    assert (await subject.rows.number(FIRST, held.epoch, 100)).published_through == 2
    await subject.rows.mark(FIRST, [first, second])
    await subject.rows.mark(FIRST, [first])
    assert (await state(subject)).published_through == 3


async def test_a_mark_for_another_sequence_marks_nothing(subject: Subject) -> None:
    held = await take(subject)
    await subject.append(FIRST, "a1")
    await subject.rows.number(FIRST, held.epoch, 100)
    (row,) = await subject.rows.unpublished(FIRST, 1_000_000)
    other = type(row)(id=row.id, first_sequence=row.first_sequence + 1, columns=row.columns)
    await subject.rows.mark(FIRST, [other])
    assert [each.id for each in await subject.rows.unpublished(FIRST, 1_000_000)] == [row.id]


async def test_no_more_is_read_than_asked_for_but_always_one_row(subject: Subject) -> None:
    held = await take(subject)
    for number in range(5):
        await subject.append(FIRST, f"a{number}")
    await subject.rows.number(FIRST, held.epoch, 100)
    everything = await subject.rows.unpublished(FIRST, 1_000_000)
    size = everything[0].columns.size
    assert len(everything) == 5
    assert len(await subject.rows.unpublished(FIRST, size * 3)) == 3
    assert len(await subject.rows.unpublished(FIRST, 1)) == 1
