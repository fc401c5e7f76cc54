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
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, max_batch_size=900_000)
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


async def test_records_with_such_names_are_handled_like_all_others(stage: Stage, producer: AIOKafkaProducer) -> None:
    for part in range(3):
        await send(producer, stage, [f"a{part}.{n}" for n in range(200)], {0, 57, 58, 199}, 0)
        await send(producer, stage, [f"b{part}.{n}" for n in range(200)], set(), 1)
    async with stage.running():
        await stage.handled(1200, timeout=40)
    assert await stage.effects.order("s0") == [f"a{part}.{n}" for part in range(3) for n in range(200)]
    assert await stage.effects.order("s1") == [f"b{part}.{n}" for part in range(3) for n in range(200)]
    assert await stage.side.letters() == []


async def test_a_dead_letter_shows_such_a_name_with_escapes(stage: Stage, producer: AIOKafkaProducer) -> None:
    await send(producer, stage, [""], {0}, 0)
    async with stage.running():
        (letter,) = await stage.buried(1)
    assert dict(letter.record.headers)["name-of-a-\\xff\\xfe\\xff\\xfe\\xff\\xfe"] == b"x"
