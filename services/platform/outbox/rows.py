"""A row packs many records of one shard: a thousand facts cost one document, and a sequence belongs to a record.

A row is small enough for one batch to the broker, so that it is published and marked as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from services.platform.envelope import Fact, Stamp
from services.platform.log import LogRecord
from services.platform.topics import Topic

# What a record takes in a batch besides key, value, id, type and source: names and fixed values of six headers (101),
# four bytes of lengths for each of them, and thirty for the record itself; an upper bound.
_RECORD_BYTES = 101 + 6 * 4 + 30
_TRACEPARENT_BYTES = 11 + 4 + 55


class RecordTooLarge(Exception):
    """One fact alone does not fit into a row."""

    def __init__(self, id: str, size: int, limit: int) -> None:
        super().__init__(f"fact {id} takes {size} bytes, {limit} fit into a row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The records of a row, one list for each property. `types` may be one type for all, `keys` None for no keys.

    A value of None is a tombstone: the record was emptied, its sequence is kept. `traceparents` is by position.
    """

    ids: Sequence[str]
    types: str | Sequence[str]
    keys: Sequence[str | None] | None
    values: Sequence[bytes | None]
    traceparents: Mapping[int, str]
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A numbered row: it holds the sequences `first_sequence` … `last_sequence` of its shard."""

    id: str
    first_sequence: int
    columns: Columns

    @property
    def count(self) -> int:
        return len(self.columns.ids)

    @property
    def last_sequence(self) -> int:
        return self.first_sequence + len(self.columns.ids) - 1

    def records(self, stamp: Stamp) -> Iterator[LogRecord]:
        """The row's records as they go to the broker."""
        columns = self.columns
        types = [columns.types] * self.count if isinstance(columns.types, str) else columns.types
        keys = [None] * self.count if columns.keys is None else columns.keys
        traces, headers = columns.traceparents, stamp.headers
        for place, (id, type, key, value) in enumerate(zip(columns.ids, types, keys, columns.values, strict=True)):
            trace = traces.get(place) if traces else None
            yield LogRecord(
                None if key is None else key.encode(),
                value,
                headers(id, type, self.first_sequence + place, trace),
            )


def shard_of(topic: Topic, key: str | None) -> int:
    """The partition of a key; keyless facts go to the first, so that they keep their order."""
    if key is None or topic.partitions == 1:
        return 0
    return crc32(key.encode()) % topic.partitions


def pack(facts: Sequence[Fact], *, source: str, row_bytes: int) -> list[Columns]:
    """The columns of as few rows as hold these facts, in their order. Raises RecordTooLarge."""
    fixed = _RECORD_BYTES + len(source.encode())
    rows: list[Columns] = []
    values: list[bytes | None] = []
    start, size = 0, 0
    for place, fact in enumerate(facts):
        value = fact.message.SerializeToString(deterministic=True)
        taken = fixed + len(value) + len(fact.id.encode()) + len(fact.message.DESCRIPTOR.full_name)
        if fact.key is not None:
            taken += len(fact.key.encode())
        if fact.traceparent is not None:
            taken += _TRACEPARENT_BYTES
        if taken > row_bytes:
            raise RecordTooLarge(fact.id, taken, row_bytes)
        if size + taken > row_bytes:
            rows.append(_columns(facts[start:place], values, size))
            values, start, size = [], place, 0
        values.append(value)
        size += taken
    if values:
        rows.append(_columns(facts[start:], values, size))
    return rows


def _columns(facts: Sequence[Fact], values: Sequence[bytes | None], size: int) -> Columns:
    types = [fact.message.DESCRIPTOR.full_name for fact in facts]
    keys = [fact.key for fact in facts]
    return Columns(
        ids=[fact.id for fact in facts],
        types=types[0] if len(set(types)) == 1 else types,
        keys=keys if any(key is not None for key in keys) else None,
        values=values,
        traceparents={place: fact.traceparent for place, fact in enumerate(facts) if fact.traceparent is not None},
        size=size,
    )
