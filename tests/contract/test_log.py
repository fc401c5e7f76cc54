"""What the relay relies on in a log, held against Kafka and against the fake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.platform.envelope import Stamp
from services.platform.kafka import client_options
from services.platform.log import KafkaLog, LogFactory, LogRecord, SendFailed
from services.platform.settings import KafkaSettings
from services.platform.testing import eventually
from services.platform.testing.log import MemoryLog
from tests.runtime import Broker

STAMP = Stamp("tests")


def records(*sequences: int, key: bytes | None = None) -> Sequence[LogRecord]:
    return [LogRecord(key, b"value %d" % each, STAMP.headers(f"id-{each}", "tests.Event", each)) for each in sequences]


@dataclass
class Subject:
    log: LogFactory
    topic: str

    async def sequences(self, partition: int = 0) -> list[int | None]:
        return [each.sequence async for page in self.log.read(self.topic, partition) for each in page]


@pytest.fixture(params=["memory", "kafka"])
async def subject(request: pytest.FixtureRequest, broker: Broker, topic_prefix: str) -> AsyncIterator[Subject]:
    topic = f"{topic_prefix}log"
    if request.param == "memory":
        yield Subject(log=MemoryLog({topic: 2}), topic=topic)
        return
    settings = KafkaSettings(bootstrap=broker.bootstrap)
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    await admin.create_topics([NewTopic(topic, 2, 1)])
    await admin.close()
    log = KafkaLog(settings)

    async def created() -> bool:
        return await log.partitions(topic) == 2

    await eventually(created, what="the topic")
    yield Subject(log=log, topic=topic)


async def test_an_acknowledged_batch_is_in_the_topic_in_its_order(subject: Subject) -> None:
    writer = await subject.log.open()
    await writer.send(subject.topic, 1, records(1, 2, 3))
    await writer.send(subject.topic, 1, records(4, 5))
    await writer.abandon()
    assert await subject.sequences(1) == [1, 2, 3, 4, 5]
    assert await subject.sequences(0) == []


async def test_a_record_is_read_back_as_it_was_written(subject: Subject) -> None:
    writer = await subject.log.open()
    tombstone = LogRecord(None, None, STAMP.headers("id-2", "tests.Event", 2))
    await writer.send(subject.topic, 0, [*records(1, key=b"k"), tombstone])
    await writer.abandon()
    first, second = [each async for page in subject.log.read(subject.topic, 0) for each in page]
    assert (first.key, first.id, first.type, first.source, first.value) == (
        "k",
        "id-1",
        "tests.Event",
        "tests",
        b"value 1",
    )
    assert (second.key, second.value, second.sequence) == (None, None, 2)


async def test_a_second_batch_is_refused_while_one_is_outstanding(subject: Subject) -> None:
    writer = await subject.log.open()
    outstanding = asyncio.create_task(writer.send(subject.topic, 0, records(1)))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError):
        await writer.send(subject.topic, 0, records(2))
    await outstanding
    await writer.abandon()
    assert await subject.sequences() == [1]


async def test_an_abandoned_writer_sends_nothing_more(subject: Subject) -> None:
    writer = await subject.log.open()
    await writer.send(subject.topic, 0, records(1))
    await writer.abandon()
    with pytest.raises(SendFailed):
        await writer.send(subject.topic, 0, records(2))
    await writer.abandon()
    assert await subject.sequences() == [1]


async def test_a_writer_whose_send_was_cancelled_sends_nothing_more(subject: Subject) -> None:
    writer = await subject.log.open()
    sending = asyncio.create_task(writer.send(subject.topic, 0, records(1)))
    await asyncio.sleep(0)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    if sending.cancelled():
        with pytest.raises(SendFailed):
            await writer.send(subject.topic, 0, records(2))
    await writer.abandon()
    assert await subject.sequences() in ([], [1])


async def test_a_partition_that_does_not_exist_cannot_be_written(subject: Subject) -> None:
    writer = await subject.log.open()
    with pytest.raises(SendFailed):
        await writer.send(subject.topic, 7, records(1))
    await writer.abandon()


async def test_the_last_sequence_is_the_highest_even_after_a_stale_repeat(subject: Subject) -> None:
    assert await subject.log.last_sequence(subject.topic, 0) is None
    writer = await subject.log.open()
    await writer.send(subject.topic, 0, records(1, 2, 3, 4))
    await writer.send(subject.topic, 0, records(2, 3))
    await writer.abandon()
    assert await subject.log.last_sequence(subject.topic, 0) == 4


async def test_a_topic_that_does_not_exist_has_no_partitions_and_nothing_to_read(subject: Subject) -> None:
    assert await subject.log.partitions(subject.topic) == 2
    assert await subject.log.partitions(f"{subject.topic}.missing") == 0
    missing = subject.log.read(f"{subject.topic}.missing", 0)
    assert [each async for page in missing for each in page] == []
