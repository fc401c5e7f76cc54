"""The local broker keeps data and port through stops and kills, and finds its way around a taken port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.devstack.errors import DirectoryInUse, PortTaken, StartFailed
from services.devstack.kafka import LocalBroker
from services.devstack.kafka_probe import answers_metadata
from services.devstack.ports import LOOPBACK
from services.platform.testing import eventually

TOPIC = "kept"


@pytest.fixture(scope="module")
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalBroker]:
    """A broker that tests may treat badly, with one topic."""
    async with LocalBroker(data_dir=tmp_path_factory.mktemp("own")) as broker:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(TOPIC, 1, 1)])
        await admin.close()
        yield broker


async def write(broker: LocalBroker, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    await producer.send_and_wait(TOPIC, value)
    await producer.stop()


async def read(broker: LocalBroker, count: int) -> list[bytes | None]:
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(TOPIC, 0)])
    values = [(await consumer.getone()).value for _ in range(count)]
    await consumer.stop()
    return values


async def test_what_was_acknowledged_survives_a_stop_and_a_kill_on_the_same_port(own: LocalBroker) -> None:
    bootstrap = own.bootstrap
    await write(own, b"before the stop")
    await own.stop()
    await own.start()
    await write(own, b"before the kill")
    await own.kill()
    assert not await answers_metadata(LOOPBACK, own.port)
    await own.start()
    assert own.bootstrap == bootstrap
    assert await read(own, 2) == [b"before the stop", b"before the kill"]


async def test_a_paused_broker_is_silent_until_it_is_resumed(own: LocalBroker) -> None:
    async def silent() -> bool:
        return not await answers_metadata(LOOPBACK, own.port, seconds=0.2)

    await own.pause()
    try:
        # The signal reaches the broker's threads one after another: a last answer may still come.
        await eventually(silent, what="the paused broker's silence")
        assert await silent()
    finally:
        await own.resume()
    await eventually(lambda: answers_metadata(LOOPBACK, own.port), what="the resumed broker's answer")


async def test_a_second_broker_moves_to_another_port(own: LocalBroker, tmp_path: Path) -> None:
    async with LocalBroker(data_dir=tmp_path, usual=own.port) as second:
        assert second.port != own.port
        assert await answers_metadata(LOOPBACK, second.port)
        assert await answers_metadata(LOOPBACK, own.port)


async def test_a_port_asked_for_by_number_is_not_replaced(own: LocalBroker, tmp_path: Path) -> None:
    with pytest.raises(PortTaken):
        await LocalBroker(data_dir=tmp_path, port=own.port).start()


async def test_a_directory_of_a_running_broker_is_refused(own: LocalBroker) -> None:
    with pytest.raises(DirectoryInUse):
        await LocalBroker(data_dir=own.data_dir).start()
    assert await answers_metadata(LOOPBACK, own.port)


async def test_a_broker_that_cannot_start_says_why_with_its_log(tmp_path: Path) -> None:
    broker = LocalBroker(data_dir=tmp_path, settings={"process.roles": "nonsense"})
    with pytest.raises(StartFailed, match=r"could not be formatted(.|\n)*nonsense"):
        await broker.start()
    assert not broker.child.running
