"""A broker in memory: the same contract as Kafka, with the failures a real one shows only now and then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from enum import Enum
from itertools import count
from typing import NamedTuple

from services.platform.envelope import Malformed, Received, parse
from services.platform.log import LogRecord, LogUnavailable, SendFailed

Gate = Callable[[str], Awaitable[None]]


async def open_gate(place: str) -> None:
    """Lets everybody pass; a test that explores interleavings gives another one."""
    await asyncio.sleep(0)


class Failure(Enum):
    """What becomes of a batch whose sender is told that it failed."""

    LOST = "lost"  # it never arrives
    APPLIED = "applied"  # it arrived, the answer did not
    LATE = "late"  # it arrives whenever the test says `deliver_late`


class StoredRecord(NamedTuple):
    """A record as a consumer gets it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class MemoryLog:
    """`LogFactory` with fixed topics. `gate` is awaited before each batch is applied and before it is acknowledged."""

    def __init__(self, partitions: Mapping[str, int], *, gate: Gate = open_gate) -> None:
        self.gate = gate
        self.available = True
        self.opened = 0
        self._partitions = dict(partitions)
        self._records: dict[tuple[str, int], list[StoredRecord]] = {}
        self._offsets: dict[tuple[str, int], count[int]] = {}
        self._failures: list[Failure] = []
        self._late: list[tuple[str, int, Sequence[LogRecord]]] = []

    def records(self, topic: str, partition: int = 0) -> Sequence[StoredRecord]:
        """What a reader from the beginning would see."""
        return self._records.get((topic, partition), [])

    def fail_next(self, *failures: Failure) -> None:
        """The next batches fail in these ways."""
        self._failures.extend(failures)

    def failure_free(self) -> None:
        """What was announced by `fail_next` and has not happened will not."""
        self._failures.clear()

    @property
    def late(self) -> int:
        """Batches that may still arrive."""
        return len(self._late)

    def deliver_late(self, place: int = 0) -> None:
        """One of the late batches arrives."""
        topic, partition, records = self._late.pop(place)
        self.apply(topic, partition, records)

    def apply(self, topic: str, partition: int, records: Sequence[LogRecord]) -> None:
        """Appends a batch."""
        stored = self._records.setdefault((topic, partition), [])
        offsets = self._offsets.setdefault((topic, partition), count())
        stored.extend(
            StoredRecord(topic, partition, next(offsets), 0, each.key, each.value, each.headers) for each in records
        )

    def compact(self, topic: str) -> None:
        """Keeps the last record of each key, as the broker does: not the one with the highest version."""
        for (name, partition), stored in self._records.items():
            if name == topic:
                last = {record.key: record.offset for record in stored}
                self._records[name, partition] = [each for each in stored if last[each.key] == each.offset]

    def failure(self) -> Failure | None:
        """What the next batch meets."""
        return self._failures.pop(0) if self._failures else None

    def keep_late(self, topic: str, partition: int, records: Sequence[LogRecord]) -> None:
        """A batch that its sender gave up and that is still on its way."""
        self._late.append((topic, partition, records))

    async def open(self) -> MemoryWriter:
        await self.gate("open")
        if not self.available:
            raise LogUnavailable("the broker is away")
        self.opened += 1
        return MemoryWriter(self)

    async def partitions(self, topic: str) -> int:
        if not self.available:
            raise LogUnavailable("the broker is away")
        return self._partitions.get(topic, 0)

    async def last_sequence(self, topic: str, partition: int) -> int | None:
        if not self.available:
            raise LogUnavailable("the broker is away")
        read = [parse(each) for each in self.records(topic, partition)]
        return max((each.sequence for each in read if isinstance(each, Received) and each.sequence), default=None)

    async def read(self, topic: str, partition: int) -> AsyncIterator[Sequence[Received]]:
        if not self.available:
            raise LogUnavailable("the broker is away")
        read = [parse(each) for each in self.records(topic, partition)]
        yield [each for each in read if not isinstance(each, Malformed)]


class MemoryWriter:
    """`LogWriter` of a `MemoryLog`."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._busy = False
        self._broken = False

    async def send(self, topic: str, partition: int, records: Iterable[LogRecord]) -> None:
        if self._busy:
            raise RuntimeError("a batch is outstanding")
        if self._broken:
            raise SendFailed("this writer has failed before")
        batch = list(records)
        self._busy = self._broken = True
        applied = False
        try:
            await self._log.gate("send")
            failure = self._log.failure()
            if not self._log.available or partition >= await self._log.partitions(topic):
                raise SendFailed("the broker is away")
            if failure is Failure.LATE:
                self._log.keep_late(topic, partition, batch)
            elif failure is not Failure.LOST:
                self._log.apply(topic, partition, batch)
            applied = True
            await self._log.gate("acknowledge")
            if failure is not None:
                raise SendFailed(failure.value)
            self._broken = False
        finally:
            self._busy = False
            if not applied and self._log.available:
                # Whoever is cancelled while sending cannot call back what the network has already.
                self._log.keep_late(topic, partition, batch)

    async def abandon(self) -> None:
        self._broken = True
