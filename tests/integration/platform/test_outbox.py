"""The journal in the database: what is read from it, what expires from it, and when it takes no more."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from acquaint.errors.v1 import error_reason_pb2
from google.protobuf.wrappers_pb2 import Int64Value, StringValue

from services.platform.envelope import Fact
from services.platform.errors import ServiceError
from services.platform.mongo import Session, admin_command
from services.platform.outbox import Journal, JournalBroken, RecordTooLarge
from services.platform.outbox.documents import ROWS
from services.platform.outbox.store import MongoLeaseStore, MongoRowStore
from services.platform.settings import JournalSettings, KafkaSettings, MongoSettings
from services.platform.testing import eventually
from services.platform.topics import PartitionsDiffer
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
        table=[fact_topic(f"{topic_prefix}kept.v1", journal_forever=True), fact_topic(f"{topic_prefix}passing.v1")],
        journal=JournalSettings(row_bytes=10_000),
    )
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def journal(stage: Stage) -> Journal:
    return Journal(stage.database, stage.topic)


async def number(stage: Stage) -> None:
    """Numbers all rows of the first topic, as its relay would."""
    leases, shard = MongoLeaseStore(stage.database), stage.outbox.shards[0]
    seen = next(each for each in await leases.states() if each.shard == shard)
    taken = await leases.take(seen)
    assert taken is not None
    await MongoRowStore(stage.database).number(shard, taken.epoch, 1000)


async def test_a_journal_reads_numbered_records_from_any_place_in_any_portion(stage: Stage, journal: Journal) -> None:
    for start in range(0, 250, 50):
        await stage.append(*(f"id-{each}" for each in range(start + 1, start + 51)), version=start)
    assert await journal.read(0, 1000) == []
    assert (await journal.end(), await journal.lag()) == (0, 250)
    await number(stage)
    assert (await journal.end(), await journal.lag(), await journal.published_through()) == (250, 250, 0)
    for after, limit in ((0, 1000), (0, 1), (49, 1), (50, 100), (77, 100), (249, 10), (250, 10)):
        read = await journal.read(after, limit)
        expected = list(range(after + 1, min(after + limit, 250) + 1))
        assert [each.sequence for each in read] == expected
        assert [each.id for each in read] == [f"id-{each}" for each in expected]
    (one,) = await journal.read(9, 1)
    assert (one.type, one.key) == ("google.protobuf.StringValue", None)
    assert StringValue.FromString(one.value or b"").value == "content of id-10"


async def test_facts_of_several_types_and_keys_share_a_row(stage: Stage, journal: Journal) -> None:
    facts = [
        Fact(id="a", key="thing", message=StringValue(value="x"), traceparent="00-trace-01"),
        Fact(id="b", key=None, message=Int64Value(value=7)),
    ]

    async def body(session: Session) -> None:
        await stage.outbox.append(session, stage.topic, facts, aggregate="thing", version=3)

    await stage.database.transaction(body)
    assert await stage.database.collection(ROWS).count({"aggregate": "thing", "version": 3}) == 1
    await stage.relay().start()
    await eventually(stage.has_published(2), what="two records")
    first, second = await stage.published()
    assert (first.type, first.key, first.traceparent) == ("google.protobuf.StringValue", "thing", "00-trace-01")
    assert (second.type, second.key, second.traceparent) == ("google.protobuf.Int64Value", None, None)
    assert [(each.type, each.key) for each in await journal.read(0, 10)] == [
        ("google.protobuf.StringValue", "thing"),
        ("google.protobuf.Int64Value", None),
    ]


async def test_what_does_not_fit_into_a_row_becomes_several_in_its_order(stage: Stage, journal: Journal) -> None:
    names = [f"id-{each}" for each in range(200)]
    await stage.append(*names, version=1)
    assert await stage.database.collection(ROWS).count({}) > 1
    await number(stage)
    assert [each.id for each in await journal.read(0, 1000)] == names


async def test_a_fact_too_large_for_a_row_is_refused(stage: Stage) -> None:
    with pytest.raises(RecordTooLarge):
        await stage.append("x" * 20_000)


async def test_a_tombstone_keeps_its_sequence_and_is_published_as_a_null_value(stage: Stage, journal: Journal) -> None:
    await stage.append("id-1", "id-2", "id-3")
    await number(stage)
    await stage.database.collection(ROWS).update_one({}, {"$set": {"values.1": None}})
    assert [(each.sequence, each.value is None) for each in await journal.read(0, 10)] == [
        (1, False),
        (2, True),
        (3, False),
    ]
    await stage.relay().start()
    await eventually(stage.has_published(3), what="three records")
    assert [(each.sequence, each.value is None) for each in await stage.published()] == [
        (1, False),
        (2, True),
        (3, False),
    ]


@pytest.mark.parametrize("missing", [1, 2, 3])
async def test_a_hole_is_refused_by_readers_and_by_the_relay(stage: Stage, journal: Journal, missing: int) -> None:
    for each in (1, 2, 3):
        await stage.append(f"id-{each}", version=each)
    await number(stage)
    await stage.database.collection(ROWS).delete_one({"first_sequence": missing})
    with pytest.raises(JournalBroken):
        await journal.read(0, 10)
    relay = stage.relay()
    await relay.start()
    if missing == 3:
        await eventually(stage.has_published(2), what="the records before the hole")
        await stage.append("id-4")

    async def refused() -> bool:
        return any("missing" in each.refusal for each in await relay.status())

    await eventually(refused, what="the refusal")
    assert max((each.sequence or 0 for each in await stage.published()), default=0) < missing


async def test_a_journal_that_is_read_with_other_shards_than_it_has_is_refused(stage: Stage) -> None:
    with pytest.raises(PartitionsDiffer):
        Journal(stage.database, stage.topic, shard=1)


async def expire_now(stage: Stage) -> None:
    """Deletes what the database would delete by the index of expiry if its time had passed."""
    answer = await admin_command(stage.mongo.uri, {"listIndexes": ROWS}, database=stage.name)
    assert answer is not None
    (expiry,) = [each for each in answer["cursor"]["firstBatch"] if "expireAfterSeconds" in each]
    (name,) = expiry["key"]
    await stage.database.collection(ROWS).delete_many({**expiry["partialFilterExpression"], name: {"$type": "date"}})


async def test_marked_rows_expire_except_in_journals_kept_for_ever(stage: Stage) -> None:
    kept, passing = stage.table
    rows = stage.database.collection(ROWS)
    relay = stage.relay(outbox=stage.outbox)
    await stage.append("kept", topic=kept)
    await stage.append("passing", topic=passing)
    await relay.start()

    async def marked() -> bool:
        return await rows.count({"published_at": {"$exists": True}}) == 2

    await eventually(marked, what="both marks")
    await relay.kill()
    await stage.append("unpublished", topic=passing)
    await expire_now(stage)
    assert sorted([each["ids"] for each in await rows.find({})]) == [["kept"], ["unpublished"]]


async def test_how_long_rows_are_kept_may_change_from_one_start_to_the_next(stage: Stage) -> None:
    stage.journal = JournalSettings(keep_published_days=2)
    await stage.outbox_on(stage.database).ensure()
    answer = await admin_command(stage.mongo.uri, {"listIndexes": ROWS}, database=stage.name)
    assert answer is not None
    (expiry,) = [each for each in answer["cursor"]["firstBatch"] if "expireAfterSeconds" in each]
    assert expiry["expireAfterSeconds"] == 2 * 86_400


async def test_writes_are_refused_while_too_much_is_unpublished(stage: Stage) -> None:
    stage.journal = JournalSettings(maximum_unpublished_records=10)
    stage.outbox = stage.outbox_on(stage.database)
    await stage.append(*(f"id-{each}" for each in range(10)))
    with pytest.raises(ServiceError) as refused:
        await stage.outbox.check_capacity()
    assert refused.value.reason == error_reason_pb2.ERROR_REASON_STORAGE_FULL
    assert refused.value.retry_after
    relay = stage.relay(outbox=stage.outbox)
    await relay.start()

    async def accepted() -> bool:
        try:
            await stage.outbox.check_capacity()
        except ServiceError:
            return False
        return True

    await eventually(accepted, what="room")


@pytest.mark.parametrize(
    "limits", [JournalSettings(maximum_storage_bytes=1), JournalSettings(minimum_free_bytes=10**18)]
)
async def test_writes_are_refused_before_the_disk_is_full(stage: Stage, limits: JournalSettings) -> None:
    stage.journal = limits
    outbox = stage.outbox_on(stage.database)
    with pytest.raises(ServiceError):
        await outbox.check_capacity()
