"""Each fact is applied exactly once and in order, whatever relays, zombies, brokers and crashes do in whatever order.

The same search finds every shortcut that the protocol forbids: a search that finds nothing proves nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
import structlog

from services.platform.errors import DependencyUnavailable
from services.platform.log import LogRecord
from services.platform.outbox.ports import Numbered, Shard, ShardState
from services.platform.outbox.publisher import Publisher
from services.platform.outbox.rows import Row
from services.platform.testing.journal import MemoryJournal, StoredRow
from services.platform.testing.log import MemoryLog, MemoryWriter
from tests.unit.platform.relay_world import World, process

STEPS = 250


@pytest.fixture(autouse=True)
def quiet() -> Iterable[None]:
    with structlog.testing.capture_logs():
        yield


@pytest.mark.parametrize("hundred", range(5))
async def test_each_fact_is_applied_exactly_once_whatever_happens_when(hundred: int) -> None:
    for seed in range(hundred * 100, hundred * 100 + 100):
        world = World(seed)
        await world.explore(STEPS)
        world.check()


class ReadsTheEpochOnly(MemoryJournal):
    """A transaction that reads the epoch but changes the shard's document unconditionally."""

    def fenced(self, before: ShardState, now: ShardState) -> bool:
        return False


class CachesTheNextSequence(MemoryJournal):
    """Each relay remembers the next sequence instead of reading it in the transaction."""

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        self._cached: dict[int, int] = {}

    async def number(self, shard: Shard, epoch: int, limit: int) -> Numbered:
        if process.get() in self._cached and self._states[shard].epoch == epoch:
            self._states[shard] = replace(self._states[shard], next_sequence=self._cached[process.get()])
        numbered = await super().number(shard, epoch, limit)
        self._cached[process.get()] = numbered.through + 1
        return numbered


class SendsOnlyWhatItNumbered(MemoryJournal):
    """A relay that trusts its predecessor to have sent what it numbered."""

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        self._numbered_by: dict[str, int] = {}

    async def number(self, shard: Shard, epoch: int, limit: int) -> Numbered:
        before = {id for id, row in self.rows.items() if row.first_sequence}
        numbered = await super().number(shard, epoch, limit)
        for id, row in self.rows.items():
            if row.first_sequence and id not in before:
                self._numbered_by.setdefault(id, process.get())
        return replace(numbered, published_through=numbered.through)

    async def unpublished(self, shard: Shard, limit_bytes: int) -> Sequence[Row]:
        rows = await super().unpublished(shard, limit_bytes)
        return [row for row in rows if self._numbered_by.get(row.id) == process.get()]


class NumbersInOrderOfIds(MemoryJournal):
    """Numbers rows by id, as if the clocks of two writers agreed."""

    async def number(self, shard: Shard, epoch: int, limit: int) -> Numbered:
        for place, row in enumerate(sorted(self.rows.values(), key=lambda row: row.id)):
            row.version, row.part = 0, place
        return await super().number(shard, epoch, limit)


class MarksByUpsert(MemoryJournal):
    """A mark that writes the document whether or not it is still there."""

    async def mark(self, shard: Shard, rows: Sequence[Row]) -> None:
        await super().mark(shard, rows)
        for row in rows:
            self.rows.setdefault(
                row.id,
                StoredRow(
                    id=row.id,
                    shard=shard,
                    version=0,
                    part=0,
                    columns=row.columns,
                    first_sequence=row.first_sequence,
                    published=True,
                ),
            )


class TwoOutstanding(Publisher):
    """Two batches on their way at once."""

    async def _send(self, batches: Sequence[Sequence[Row]]) -> bool:
        async def one(batch: Sequence[Row]) -> None:
            writer = await self._log.open()
            await writer.send(
                self._shard.topic, self._shard.partition, [each for row in batch for each in row.records(self._stamp)]
            )
            await self._store.mark(self._shard, batch)

        sent = await asyncio.gather(*(one(batch) for batch in batches), return_exceptions=True)
        for each in sent:
            if isinstance(each, BaseException):
                raise each
        return True


class ForgivingWriter(MemoryWriter):
    """A producer that drops an expired batch and goes on with later ones, as the real one does."""

    async def send(self, topic: str, partition: int, records: Iterable[LogRecord]) -> None:
        try:
            await super().send(topic, partition, records)
        finally:
            self._broken = False


class ForgivingLog(MemoryLog):
    async def open(self) -> MemoryWriter:
        await super().open()
        return ForgivingWriter(self)


class GoesOnAfterAnExpiredBatch(Publisher):
    """What failed is left for the next round, what follows is sent now."""

    async def _send(self, batches: Sequence[Sequence[Row]]) -> bool:
        failed: DependencyUnavailable | None = None
        for batch in batches:
            try:
                await self._send_batch(batch)
                await self._store.mark(self._shard, batch)
            except DependencyUnavailable as error:
                failed = error
        if failed is not None:
            raise failed
        return True


BREAKS: Sequence[tuple[type[MemoryJournal], type[Publisher], type[MemoryLog]]] = [
    (ReadsTheEpochOnly, Publisher, MemoryLog),
    (CachesTheNextSequence, Publisher, MemoryLog),
    (SendsOnlyWhatItNumbered, Publisher, MemoryLog),
    (NumbersInOrderOfIds, Publisher, MemoryLog),
    (MarksByUpsert, Publisher, MemoryLog),
    (MemoryJournal, TwoOutstanding, MemoryLog),
    (MemoryJournal, GoesOnAfterAnExpiredBatch, ForgivingLog),
]


@pytest.mark.parametrize(("journal", "publisher", "log"), BREAKS)
async def test_every_forbidden_shortcut_is_found(
    journal: type[MemoryJournal], publisher: type[Publisher], log: type[MemoryLog]
) -> None:
    class Broken(World):
        journal_class, publisher_class, log_class = journal, publisher, log

    for seed in range(1000):
        world = Broken(seed)
        try:
            await world.explore(STEPS)
            world.check()
        except AssertionError:
            return
    pytest.fail("a thousand runs found nothing")
