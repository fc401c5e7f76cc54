"""Poison and records set aside are kept unchanged, with where they came from and why, before any offset moves.

One batch is outstanding at a time and a failed producer is abandoned, so the letters of a partition lie in its order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from services.platform.consumer.follower import Follower
from services.platform.envelope import Record
from services.platform.kafka import client_options
from services.platform.settings import KafkaSettings

TOPIC, PARTITION, OFFSET, GENERATION = "dlq_topic", "dlq_partition", "dlq_offset", "dlq_generation"
TIMESTAMP, ERROR, REASON, SOURCE, VALUE = "dlq_timestamp", "dlq_error", "dlq_reason", "dlq_source", "dlq_value"
BATCH_BYTES = 900_000
# Room for the headers we add to a record that was as large as its topic allows.
LARGEST_BYTES = 8_000_000

Header = tuple[str, Any]


class DeadLettersUnavailable(ConnectionError):
    """The dead-letter topic did not acknowledge in time; the records will be written again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One dead letter: the record, its generation, the class of error, the reason, and the source if readable."""

    record: Record
    generation: int
    error: str
    reason: str
    source: str | None

    @property
    def place(self) -> tuple[int, int, str]:
        """What tells two letters apart within one batch."""
        return self.record.partition, self.record.offset, self.error

    def headers(self) -> list[Header]:
        """The record's own headers and ours."""
        record = self.record
        return [
            *record.headers,
            (TOPIC, record.topic.encode()),
            (PARTITION, b"%d" % record.partition),
            (OFFSET, b"%d" % record.offset),
            (GENERATION, b"%d" % self.generation),
            (TIMESTAMP, b"%d" % record.timestamp),
            (ERROR, self.error.encode()),
            (REASON, self.reason.encode(errors="replace")),
            *([(SOURCE, self.source.encode(errors="replace"))] if self.source is not None else []),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A record as it stood in its topic, taken back from a dead letter."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: Any
    value: Any
    headers: Sequence[Header]


def opened(record: Record) -> Letter | None:
    """The letter in a record of a dead-letter topic, or None if that is not one of ours."""
    ours: dict[str, Any] = {}
    theirs: list[Header] = []
    for name, value in record.headers:
        if name.startswith("dlq_"):
            ours[name] = value
        else:
            theirs.append((name, value))
    try:
        origin = Origin(
            topic=ours[TOPIC].decode(),
            partition=int(ours[PARTITION]),
            offset=int(ours[OFFSET]),
            timestamp=int(ours[TIMESTAMP]),
            key=record.key,
            value=record.value,
            headers=theirs,
        )
        return Letter(
            record=origin,
            generation=int(ours[GENERATION]),
            error=ours[ERROR].decode(),
            reason=ours[REASON].decode(),
            source=None if ours.get(SOURCE) is None else ours[SOURCE].decode(),
        )
    except (KeyError, ValueError, AttributeError):
        return None


class DeadLetters(Protocol):
    """The dead letters of one subscription."""

    async def write(self, letters: Sequence[Letter]) -> None:
        """Returns when all are acknowledged, in this order; raises DeadLettersUnavailable."""
        ...

    def read(self) -> AsyncIterator[list[Letter]]:
        """All letters that were acknowledged before the call, oldest first."""
        ...

    async def close(self) -> None: ...


class KafkaDeadLetters:
    """The dead-letter topic of one subscription; `seconds` bounds the wait for one acknowledgement."""

    def __init__(self, kafka: KafkaSettings, topic: str, *, seconds: float = 5.0) -> None:
        self._kafka, self._topic, self._seconds = kafka, topic, seconds
        self._producer: AIOKafkaProducer | None = None

    async def write(self, letters: Sequence[Letter]) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                producer = await self._open()
                left = list(letters)
                while left:
                    left = left[await self._send(producer, left) :]
        except (KafkaError, OSError) as error:
            await self._abandon()
            raise DeadLettersUnavailable(f"{self._topic}: {type(error).__name__}") from error
        except BaseException:
            await self._abandon()
            raise

    async def _send(self, producer: AIOKafkaProducer, letters: Sequence[Letter]) -> int:
        """Writes as many letters as one batch takes, at least one, and returns how many."""
        batch, count = producer.create_batch(), 0
        for letter in letters:
            record = letter.record
            if batch.append(key=record.key, value=record.value, headers=letter.headers(), timestamp=None) is None:
                break
            count += 1
        try:
            await (await producer.send_batch(batch, self._topic, partition=0))
        except MessageSizeTooLargeError:
            # Only a record that fills a batch alone is too large: it stays where it is, and its letter says so.
            batch = producer.create_batch()
            headers = [*letters[0].headers(), (VALUE, b"too large: left at its origin")]
            batch.append(key=letters[0].record.key, value=None, headers=headers, timestamp=None)
            await (await producer.send_batch(batch, self._topic, partition=0))
        return count

    def read(self) -> AsyncIterator[list[Letter]]:
        return self._read()

    async def _read(self) -> AsyncIterator[list[Letter]]:
        follower = Follower(self._kafka, self._topic)
        await follower.start()
        try:
            ends = await follower.end_offsets()
            while any(follower.position()[partition] < end for partition, end in ends.items()):
                records = await follower.records(timeout=0.2)
                letters = [letter for record in records if (letter := opened(record)) is not None]
                if letters:
                    yield letters
        finally:
            await follower.stop()

    async def close(self) -> None:
        await self._abandon()

    async def _open(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **client_options(self._kafka),
                acks="all",
                enable_idempotence=True,
                max_batch_size=BATCH_BYTES,
                max_request_size=LARGEST_BYTES,
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _abandon(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        # Nothing may leave this producer any more: its sender dies before the client is closed, so it flushes nothing.
        with suppress(Exception):
            await producer._sender.close()
            await producer.client.close()
            producer._closed = True
