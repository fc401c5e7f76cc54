"""A header name that is not UTF-8, which any producer may write, costs the record that has it and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

from services.platform.topics import TopicKind
from tests.consumer_stage import Stage, event, headers, open_stage
from tests.runtime import Broker, Database

NAME, BROKEN = b"name-of-a-header", b"name-of-a-\xff\xfe\xff\xfe\xff\xfe"


@pytest.fixture
async def stage(broker: Broker, database: Database, unique: str) -> AsyncIterator[Stage]:
    async with open_stage("kafka", TopicKind.INBOUND, broker.bootstrap, database.uri, unique) as stage:
        yield stage


@pytest.fixture
async def producer(broker: Broker) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
    await producer.start()
    yield producer
    await producer.stop()


async def send(producer: AIOKafkaProducer, stage: Stage, people: list[str], broken: set[int], partition: int) -> None:
    """One batch whose bytes are changed after it was built: no client for Python writes such names."""
    batch = producer.create_batch()
    for number, person in enumerate(people):
        ours = headers(person, f"s{partition}") + ([(NAME.decode(), b"x")] if number in broken else [])
        batch.append(key=None, value=event(person), timestamp=None, headers=ours)
    written = bytearray(batch._build().replace(NAME, BROKEN))
    # The checksum covers everything behind itself.
    written[17:21] = calc_crc32c(bytes(written[21:])).to_bytes(4, "big")
    batch._buffer = bytes(written)
    await (await producer.send_batch(batch, stage.side.topic.name, partition=partition))


async def test_the_records_around_it_and_of_other_partitions_are_all_handled(
    stage: Stage, producer: AIOKafkaProducer
) -> None:
    for part in range(3):
        await send(producer, stage, [f"a{part}.{n}" for n in range(200)], {0, 57, 58, 199}, 0)
        await send(producer, stage, [f"b{part}.{n}" for n in range(200)], set(), 1)
    async with stage.running():
        await stage.handled(3 * 196 + 600, timeout=40)
        letters = await stage.buried(12)
    offsets = [200 * part + n for part in range(3) for n in (0, 57, 58, 199)]
    assert sorted(letter.record.offset for letter in letters) == offsets
    assert {(letter.error, letter.reason) for letter in letters} == {("malformed", "a header's name is not UTF-8")}
    good = [f"a{part}.{n}" for part in range(3) for n in range(200) if n not in (0, 57, 58, 199)]
    assert await stage.effects.order("s0") == good
    assert await stage.effects.order("s1") == [f"b{part}.{n}" for part in range(3) for n in range(200)]
