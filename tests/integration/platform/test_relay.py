"""The relay on a real broker and a real database: what is committed is published once, in order, whoever dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from services.platform import topics
from services.platform.envelope import Fact
from services.platform.mongo import Session
from services.platform.outbox import Journal
from services.platform.settings import KafkaSettings, MongoSettings
from services.platform.testing import eventually
from services.platform.topics import PartitionsDiffer
from tests import runtime
from tests.integration.platform.outbox_stage import RELAY, Stage, fact_topic, impatient, renamed


@pytest.fixture
async def stage(
    broker: runtime.Broker, database: runtime.Database, database_name: str, topic_prefix: str
) -> AsyncIterator[Stage]:
    opened = Stage(
        kafka=KafkaSettings(bootstrap=broker.bootstrap),
        mongo=MongoSettings(uri=database.uri),
        name=database_name,
        table=[fact_topic(f"{topic_prefix}facts.v1", journal_forever=True)],
    )
    await opened.open()
    yield opened
    await opened.close()


def ids(first: int, last: int) -> list[str]:
    return [f"id-{number}" for number in range(first, last + 1)]


async def test_committed_facts_are_published_once_in_order_with_their_headers(stage: Stage) -> None:
    await stage.append(*ids(1, 3), key="thing")
    await stage.relay().start()
    await stage.append(*ids(4, 5))
    await eventually(stage.has_published(5), what="five records")
    first, *_, last = read = await stage.published()
    assert [each.id for each in read] == ids(1, 5)
    assert [each.sequence for each in read] == [1, 2, 3, 4, 5]
    assert dict(first.headers)["ce_sequence"] == b"00000000000000000001"
    assert (first.key, first.type, first.source) == ("thing", "google.protobuf.StringValue", "tests")
    assert last.key is None
    assert StringValue.FromString(last.value or b"").value == "content of id-5"


async def test_an_aborted_transaction_publishes_nothing(stage: Stage) -> None:
    async def body(session: Session) -> None:
        await stage.outbox.append(session, stage.topic, [Fact(id="never", key=None, message=StringValue())])
        raise LookupError

    with pytest.raises(LookupError):
        await stage.database.transaction(body)
    await stage.append("id-1")
    await stage.relay().start()
    await eventually(stage.has_published(1), what="the other record")
    assert await stage.folded() == ["id-1"]


async def test_the_poll_finds_what_another_process_committed(stage: Stage) -> None:
    relay = stage.relay()
    await relay.start()
    for number in range(1, 4):
        await stage.append(f"id-{number}")  # this outbox is not the relay's: nobody tells it
        await eventually(stage.has_published(number), what=f"record {number}")
    await relay.stop()


async def test_a_stopping_relay_publishes_what_there_is_and_lets_go_at_once(stage: Stage) -> None:
    first = stage.relay()
    await first.start()
    await stage.append("id-1")
    await eventually(stage.has_published(1), what="the first record")
    await stage.append(*ids(2, 500))
    await first.stop()
    assert await stage.folded() == ids(1, 500)
    await stage.append("id-501")
    started = stage.clock.monotonic()
    await stage.relay().start()
    await eventually(stage.has_published(501), what="the successor's record")
    assert stage.clock.monotonic() - started < RELAY.lease_seconds * 3


async def test_after_a_crash_the_next_relay_waits_for_the_lease_and_goes_on(stage: Stage) -> None:
    first = stage.relay()
    await first.start()
    await stage.append(*ids(1, 10))
    await eventually(stage.has_published(10), what="ten records")
    await first.kill()
    await stage.append(*ids(11, 20))
    second = stage.relay()
    await second.start()
    await eventually(stage.has_published(20), what="the rest")
    assert await stage.folded() == ids(1, 20)
    (status,) = await second.status()
    assert (status.next_sequence, status.refusal) == (21, "")


async def test_two_relays_never_publish_one_shard_together_and_share_nothing_else(stage: Stage) -> None:
    first, second = stage.relay(), stage.relay()
    await asyncio.gather(first.start(), second.start())
    for number in range(1, 31):
        await stage.append(f"id-{number}")
    await eventually(stage.has_published(30), what="thirty records")
    assert [each.id for each in await stage.published()] == ids(1, 30)


async def test_every_partition_has_its_own_sequences_and_a_key_stays_in_its_partition(
    stage: Stage, topic_prefix: str
) -> None:
    wide = fact_topic(f"{topic_prefix}wide.v1", partitions=3)
    stage.table = [wide]
    await stage.open()
    relay = stage.relay()
    await relay.start()
    for number in range(30):
        await stage.append(f"id-{number}", key=f"key-{number % 7}")

    async def all_there() -> bool:
        return sum([len(await stage.folded(partition)) for partition in range(3)]) == 30

    await eventually(all_there, what="thirty records")
    places: dict[str | None, set[int]] = {}
    for partition in range(3):
        read = await stage.published(partition)
        assert [each.sequence for each in read] == list(range(1, len(read) + 1))
        for each in read:
            places.setdefault(each.key, set()).add(each.partition)
    assert all(len(partitions) == 1 for partitions in places.values())
    assert len({min(partitions) for partitions in places.values()}) > 1


async def test_versions_of_an_aggregate_are_published_lowest_first_though_written_in_one_go(stage: Stage) -> None:
    for version in (3, 1, 2):
        await stage.append(f"v{version}", key="thing", version=version)
    await stage.relay().start()
    await eventually(stage.has_published(3), what="three versions")
    assert await stage.folded() == ["v1", "v2", "v3"]


async def test_an_expired_batch_is_published_before_everything_later(stage: Stage, broker: runtime.Broker) -> None:
    relay = stage.relay(log=type(stage.log)(impatient(stage.kafka)))
    await relay.start()
    await stage.append(*ids(1, 3))
    await eventually(stage.has_published(3), what="the first records")
    await broker.pause()
    try:
        await stage.append(*ids(4, 6))
        failures = relay._metrics.relay_failures.labels(stage.topic.name)
        await eventually(lambda: failures._value.get() >= 1, what="an expired batch")
        await stage.append(*ids(7, 9))
    finally:
        await broker.resume()
    await eventually(stage.has_published(9), what="everything")
    assert await stage.folded() == ids(1, 9)


async def test_while_the_broker_is_away_nothing_is_lost(stage: Stage, broker: runtime.Broker) -> None:
    relay = stage.relay(log=type(stage.log)(impatient(stage.kafka)))
    await relay.start()
    await stage.append(*ids(1, 3))
    await eventually(stage.has_published(3), what="the first records")
    await broker.kill()
    try:
        for number in range(4, 10):
            await stage.append(f"id-{number}")
        journal = Journal(stage.database, stage.topic)
        assert await journal.lag() == 6
    finally:
        await broker.start()
    await eventually(stage.has_published(9), timeout=30, what="everything")
    assert sorted(await stage.folded()) == sorted(ids(1, 9))


async def test_a_topic_ahead_of_its_journal_stops_publication_and_says_so(stage: Stage) -> None:
    first = stage.relay()
    await first.start()
    await stage.append(*ids(1, 5))
    await eventually(stage.has_published(5), what="five records")
    await first.stop()
    await stage.database.drop()  # as if restored from a backup older than its own publications
    await stage.outbox.ensure()
    await stage.append("after-restore")
    second = stage.relay()
    await second.start()

    async def refused() -> bool:
        return any(each.refusal for each in await second.status())

    await eventually(refused, what="the refusal")
    (status,) = await second.status()
    assert "ahead of the journal" in status.refusal
    assert second._metrics.relay_refusing.labels(stage.topic.name, 0)._value.get() == 1
    assert await stage.folded() == ids(1, 5)


async def test_another_number_of_partitions_than_at_creation_is_refused_at_start(stage: Stage) -> None:
    wider = [renamed(stage.topic, partitions=2)]
    database = stage.connect()
    with pytest.raises(PartitionsDiffer):
        await stage.relay(database=database, outbox=stage.outbox_on(database, wider)).start()


async def test_a_topic_with_other_partitions_than_its_journal_is_not_published_to(
    stage: Stage, topic_prefix: str
) -> None:
    wide = fact_topic(f"{topic_prefix}grown.v1", partitions=2)
    stage.table = [wide]
    await stage.open()
    narrow = [renamed(wide, partitions=1)]
    await stage.database.drop()
    stage.outbox = stage.outbox_on(stage.database, narrow)
    await stage.outbox.ensure()
    await stage.append("id-1")
    database = stage.connect()
    relay = stage.relay(database=database, outbox=stage.outbox_on(database, narrow))
    await relay.start()

    async def refused() -> bool:
        return any("2 partitions" in each.refusal for each in await relay.status())

    await eventually(refused, what="the refusal")
    assert await stage.published() == []


async def test_a_relay_starts_without_a_broker_and_without_its_topic(stage: Stage, topic_prefix: str) -> None:
    late = fact_topic(f"{topic_prefix}late.v1")
    stage.table = [late]
    stage.outbox = stage.outbox_on(stage.database)
    await stage.outbox.ensure()
    await stage.append("id-1")
    await stage.relay().start()
    await topics.ensure(stage.kafka, [late])
    await eventually(stage.has_published(1), what="the record")
