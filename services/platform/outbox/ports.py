"""What the relay needs of the database, in two ports: who may publish a shard, and the rows to publish.

The same suite of contracts holds for MongoDB and for the fake in `testing.journal`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.platform.outbox.rows import Row


class LeaseLost(Exception):
    """Another relay has taken the shard: this one must leave it alone."""


class JournalBroken(Exception):
    """The journal is not contiguous: a record that must exist does not. Nothing may be published or folded beyond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The part of a journal that feeds one partition."""

    topic: str
    partition: int

    @property
    def id(self) -> str:
        return f"{self.topic}/{self.partition}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardState:
    """A shard's document. `renewals` stands still when its holder is gone; `released` says that it let go itself."""

    shard: Shard
    epoch: int
    renewals: int
    released: bool
    next_sequence: int
    published_through: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """What numbering found: rows it gave numbers to, the last sequence given out, and the last one published."""

    rows: int
    through: int
    published_through: int


class LeaseStore(Protocol):
    """Who publishes which shard. No expiry is stored: a taker watches `renewals` on its own monotonic clock."""

    async def states(self) -> Sequence[ShardState]:
        """All shards of the service, as a majority holds them."""
        ...

    async def take(self, seen: ShardState) -> ShardState | None:
        """Raises the epoch if epoch and renewals are still as `seen`; None if they are not."""
        ...

    async def renew(self, epochs: Mapping[Shard, int]) -> Collection[Shard]:
        """Counts one renewal for each shard whose epoch is still this one, and returns these."""
        ...

    async def release(self, epochs: Mapping[Shard, int]) -> None:
        """Lets go of each shard whose epoch is still this one."""
        ...


class RowStore(Protocol):
    """The rows of the shards, found by their state and never by a position."""

    async def waiting(self, shards: Collection[Shard]) -> Collection[Shard]:
        """Those that have rows without a number."""
        ...

    async def number(self, shard: Shard, epoch: int, limit: int) -> Numbered:
        """Numbers at most `limit` rows, lowest version first, in one transaction.

        Raises LeaseLost when the epoch is not the shard's any more.
        """
        ...

    async def unpublished(self, shard: Shard, limit_bytes: int) -> Sequence[Row]:
        """Numbered rows that are not marked, ascending from the lowest, as a majority holds them.

        At least one if there are any; not many more bytes than `limit_bytes`.
        """
        ...

    async def mark(self, shard: Shard, rows: Sequence[Row]) -> None:
        """Notes the last sequence as published, then marks the rows whose id still has this first sequence.

        In this order, so that the lowest unmarked row never lies beyond the next sequence to publish. Brings no
        deleted row back.
        """
        ...

    async def next_sequence(self, shard: Shard) -> int:
        """The sequence that the next record gets, as a majority holds it."""
        ...
