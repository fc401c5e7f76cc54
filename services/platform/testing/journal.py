"""Shards and rows in memory, under the relay's two ports: the same contract as the collections in MongoDB.

Each operation awaits `gate` where a process can be paused, killed or overtaken; between two gates it is atomic.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from services.platform.envelope import Fact
from services.platform.outbox.ports import LeaseLost, Numbered, Shard, ShardState
from services.platform.outbox.rows import Columns, Row, pack
from services.platform.testing.log import Gate, open_gate


@dataclass(slots=True, kw_only=True)
class StoredRow:
    """A row with its state; `first_sequence` is 0 until it has a number."""

    id: str
    shard: Shard
    version: int
    part: int
    columns: Columns
    first_sequence: int = 0
    published: bool = False

    def row(self) -> Row:
        """The row as the relay reads it."""
        return Row(id=self.id, first_sequence=self.first_sequence, columns=self.columns)


class MemoryJournal:
    """`LeaseStore` and `RowStore`."""

    def __init__(self, shards: Collection[Shard], *, source: str = "tests", gate: Gate = open_gate) -> None:
        self.gate = gate
        self.rows: dict[str, StoredRow] = {}
        self._source = source
        self._ids = count(1)
        self._states = {
            shard: ShardState(shard=shard, epoch=0, renewals=0, released=True, next_sequence=1, published_through=0)
            for shard in shards
        }

    def append(self, shard: Shard, facts: Sequence[Fact], *, version: int = 0, row_bytes: int = 800_000) -> None:
        """What a committed transaction of a service leaves."""
        for part, columns in enumerate(pack(facts, source=self._source, row_bytes=row_bytes)):
            # As in the database, ids say nothing about order: later rows may well have lower ones.
            row = StoredRow(id=f"{-next(self._ids) % 997:03}", shard=shard, version=version, part=part, columns=columns)
            self.rows[row.id] = row

    def state(self, shard: Shard) -> ShardState:
        """The shard's document."""
        return self._states[shard]

    def unmarked(self, shard: Shard) -> Sequence[StoredRow]:
        """Rows that are not marked as published, numbered or not."""
        return [row for row in self.rows.values() if row.shard == shard and not row.published]

    def expire(self) -> None:
        """Deletes the marked rows, as the database does after their time."""
        self.rows = {id: row for id, row in self.rows.items() if not row.published}

    async def states(self) -> Sequence[ShardState]:
        await self.gate("states")
        return list(self._states.values())

    async def take(self, seen: ShardState) -> ShardState | None:
        await self.gate("take")
        state = self._states[seen.shard]
        if (state.epoch, state.renewals, state.released) != (seen.epoch, seen.renewals, seen.released):
            return None
        taken = replace(state, epoch=state.epoch + 1, renewals=state.renewals + 1, released=False)
        self._states[seen.shard] = taken
        await self.gate("taken")
        return taken

    async def renew(self, epochs: Mapping[Shard, int]) -> Collection[Shard]:
        await self.gate("renew")
        kept = {
            shard
            for shard, epoch in epochs.items()
            if self._states[shard].epoch == epoch and not self._states[shard].released
        }
        for shard in kept:
            self._states[shard] = replace(self._states[shard], renewals=self._states[shard].renewals + 1)
        await self.gate("renewed")
        return kept

    async def release(self, epochs: Mapping[Shard, int]) -> None:
        for shard, epoch in epochs.items():
            if self._states[shard].epoch == epoch:
                self._states[shard] = replace(self._states[shard], released=True)

    async def waiting(self, shards: Collection[Shard]) -> Collection[Shard]:
        return {row.shard for row in self.rows.values() if row.shard in shards and not row.first_sequence}

    async def number(self, shard: Shard, epoch: int, limit: int) -> Numbered:
        await self.gate("number")
        while True:
            before = self._states[shard]
            if before.epoch != epoch:
                raise LeaseLost(shard.id)
            rows = [row for row in self.rows.values() if row.shard == shard and not row.first_sequence]
            rows = sorted(rows, key=lambda row: (row.version, row.part))[:limit]
            await self.gate("numbering")
            if self.fenced(before, self._states[shard]):
                continue  # a write conflict: the database has the transaction repeated
            following = before.next_sequence
            for row in rows:
                row.first_sequence = following
                following += len(row.columns.ids)
            self._states[shard] = replace(self._states[shard], next_sequence=following)
            await self.gate("numbered")
            return Numbered(rows=len(rows), through=following - 1, published_through=before.published_through)

    def fenced(self, before: ShardState, now: ShardState) -> bool:
        """Whether the shard's document changed under a transaction that is about to write it."""
        return (before.epoch, before.next_sequence) != (now.epoch, now.next_sequence)

    async def unpublished(self, shard: Shard, limit_bytes: int) -> Sequence[Row]:
        await self.gate("read")
        rows = sorted((row for row in self.unmarked(shard) if row.first_sequence), key=lambda row: row.first_sequence)
        chosen: list[Row] = []
        taken = 0
        for row in rows:
            taken += row.columns.size
            if chosen and taken > limit_bytes:
                break
            chosen.append(row.row())
        return chosen

    async def mark(self, shard: Shard, rows: Sequence[Row]) -> None:
        await self.gate("mark")
        through = max(self._states[shard].published_through, rows[-1].last_sequence)
        self._states[shard] = replace(self._states[shard], published_through=through)
        await self.gate("marking")
        for row in rows:
            found = self.rows.get(row.id)
            if found is not None and found.first_sequence == row.first_sequence:
                found.published = True
        await self.gate("marked")

    async def next_sequence(self, shard: Shard) -> int:
        return self._states[shard].next_sequence
