"""The broker as the relay sees it: one atomic batch at a time, and after a failed one nothing more from that writer.

An idempotent client drops an expired batch and goes on with later ones, so a writer is thrown away with its buffers
after any failure, and whoever used it begins again at its lowest unpublished record with a new one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerClosed

from services.platform.envelope import Header, Malformed, Received, parse
from services.platform.errors import DependencyUnavailable
from services.platform.kafka import client_options
from services.platform.settings import KafkaSettings

# The last record may be a late repeat of a lower one: this many records at the end are looked at for the highest.
TAIL = 5000
_PAGE = 5000
_POLL_MS = 200
_LARGEST_BATCH = 10_000_000


class LogRecord(NamedTuple):
    """A record as it goes to the broker. A value of None is a tombstone: only its sequence is left."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]


class SendFailed(DependencyUnavailable):
    """It is unknown whether the batch is in the topic, now or later. The writer is of no more use."""


class LogUnavailable(DependencyUnavailable):
    """The broker does not answer."""


class LogWriter(Protocol):
    """A producer: idempotent, acknowledged by all in-sync replicas, one outstanding batch."""

    async def send(self, topic: str, partition: int, records: Iterable[LogRecord]) -> None:
        """Appends all records as one atomic batch and returns when it is acknowledged.

        Raises SendFailed, and ever after; RuntimeError while another batch is outstanding. Being cancelled is a
        failure too.
        """
        ...

    async def abandon(self) -> None:
        """Closes without flushing: what was not handed to the network yet never will be."""
        ...


class LogFactory(Protocol):
    """The broker."""

    async def open(self) -> LogWriter:
        """A new writer; raises LogUnavailable."""
        ...

    async def partitions(self, topic: str) -> int:
        """The number of partitions, 0 for a topic that does not exist; raises LogUnavailable."""
        ...

    async def last_sequence(self, topic: str, partition: int) -> int | None:
        """The highest sequence at the end of a partition; None without records. Raises LogUnavailable."""
        ...

    def read(self, topic: str, partition: int) -> AsyncIterator[Sequence[Received]]:
        """A partition's readable records in order, up to what is its end now. Raises LogUnavailable."""
        ...


class KafkaWriter:
    """`LogWriter` on a producer of its own."""

    def __init__(self, producer: AIOKafkaProducer, seconds: float) -> None:
        self._producer = producer
        self._seconds = seconds
        self._busy = False
        self._broken = False

    async def send(self, topic: str, partition: int, records: Iterable[LogRecord]) -> None:
        if self._busy:
            raise RuntimeError("a batch is outstanding")
        if self._broken:
            raise SendFailed("this writer has failed before")
        batch = self._producer.create_batch()
        now = int(time.time() * 1000)
        append = batch.append
        for key, value, headers in records:
            if append(timestamp=now, key=key, value=value, headers=headers) is None:
                raise ValueError(f"a batch to {topic} takes more than {_LARGEST_BATCH} bytes")
        batch.close()
        self._busy = self._broken = True
        try:
            async with asyncio.timeout(self._seconds):
                await (await self._producer.send_batch(batch, topic, partition=partition))
            self._broken = False
        except (KafkaError, TimeoutError, AssertionError) as error:
            raise SendFailed(f"{type(error).__name__}: {error}") from error
        finally:
            self._busy = False

    async def abandon(self) -> None:
        self._broken = True
        sender, buffers = self._producer._sender, self._producer._message_accumulator
        if sender.sender_task is not None:
            sender.sender_task.cancel()
        # stop() would wait for the buffers to be flushed: they are failed instead, and the connections closed under
        # a request that may be on its way. What that request holds may still arrive; it can only be a repeat.
        for batch in [*(each for queue in buffers._batches.values() for each in queue), *buffers._pending_batches]:
            batch.failure(ProducerClosed())
            batch.future.exception()
        await self._producer.client.close()
        await self._producer.stop()


class KafkaLog:
    """`LogFactory` on a Kafka cluster."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings

    async def open(self) -> LogWriter:
        seconds = self._settings.request_timeout_seconds
        producer = AIOKafkaProducer(
            **client_options(self._settings),
            enable_idempotence=True,
            acks="all",
            max_batch_size=_LARGEST_BATCH,
            max_request_size=_LARGEST_BATCH,
        )
        try:
            async with asyncio.timeout(seconds):
                await producer.start()
        except (KafkaError, TimeoutError, OSError) as error:
            await KafkaWriter(producer, seconds).abandon()
            raise LogUnavailable(str(error)) from error
        return KafkaWriter(producer, seconds)

    async def partitions(self, topic: str) -> int:
        async with self._consumer() as consumer:
            return len(await _partitions(consumer, topic))

    async def last_sequence(self, topic: str, partition: int) -> int | None:
        place = TopicPartition(topic, partition)
        highest: int | None = None
        async with self._consumer() as consumer:
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            first = (await consumer.beginning_offsets([place]))[place]
            consumer.seek(place, max(first, end - TAIL))
            async for page in _pages(consumer, place, end, self._settings.request_timeout_seconds):
                for received in page:
                    if received.sequence is not None and (highest is None or received.sequence > highest):
                        highest = received.sequence
        return highest

    async def read(self, topic: str, partition: int) -> AsyncIterator[Sequence[Received]]:
        async with self._consumer() as consumer:
            if partition in await _partitions(consumer, topic):
                place = TopicPartition(topic, partition)
                consumer.assign([place])
                end = (await consumer.end_offsets([place]))[place]
                await consumer.seek_to_beginning(place)
                async for page in _pages(consumer, place, end, self._settings.request_timeout_seconds):
                    yield page

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            **client_options(self._settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
        )
        try:
            async with asyncio.timeout(self._settings.request_timeout_seconds):
                await consumer.start()
            yield consumer
        except (KafkaError, TimeoutError, OSError) as error:
            raise LogUnavailable(str(error)) from error
        finally:
            await consumer.stop()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> Sequence[int]:
    # Asking for all topics cannot create one; asking for a name can.
    cluster = await consumer._client.fetch_all_metadata()
    return sorted(cluster.partitions_for_topic(topic) or ())


async def _pages(
    consumer: AIOKafkaConsumer, place: TopicPartition, end: int, seconds: float
) -> AsyncIterator[Sequence[Received]]:
    """What lies before `end`; raises LogUnavailable when nothing comes for so long.

    Records whose headers cannot be read have no sequence and no state: they are left out.
    """
    position, empty = await consumer.position(place), 0
    while position < end:
        batches = await consumer.getmany(place, timeout_ms=_POLL_MS, max_records=_PAGE)
        for records in batches.values():
            read = [parse(record) for record in records if record.offset < end]
            yield [each for each in read if not isinstance(each, Malformed)]
        before, position = position, await consumer.position(place)
        empty = 0 if position > before else empty + 1
        if empty * _POLL_MS >= seconds * 1000:
            raise LogUnavailable(f"{place.topic}/{place.partition} is silent at {position} of {end}")
