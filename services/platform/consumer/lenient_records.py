"""A header whose name is not UTF-8, which any producer may write, no longer stops its partition for ever.

aiokafka decodes header names while it reads a fetched batch and offers no way round what it raises there, nor a hook:
from the import of this module on, its fetcher reads batches through this one. Names that are not UTF-8 get backslash
escapes; headers that are not ours are never looked at, so their records are handled like any other.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_LENGTH_AT = 8
_OVERHEAD = 12


class LenientRecords:
    """The batches of one fetched partition, read as fast as before unless a name has to be escaped."""

    def __init__(self, data: bytes) -> None:
        self._data, self._start = data, 0
        self._records = MemoryRecords(data)
        self.has_next = self._records.has_next
        self.size_in_bytes = self._records.size_in_bytes

    def next_batch(self) -> LenientBatch:
        (length,) = struct.unpack_from(">i", self._data, self._start + _LENGTH_AT)
        start, self._start = self._start, self._start + _OVERHEAD + length
        return LenientBatch(self._records.next_batch(), self._data, start, self._start)


class LenientBatch:
    """One batch; everything but its records is the library's own."""

    def __init__(self, batch: Any, data: bytes, start: int, end: int) -> None:
        self._batch, self._data, self._start, self._end = batch, data, start, end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._batch:
                read += 1
                yield record
        except UnicodeDecodeError:
            slow = _DefaultRecordBatchPy(memoryview(self._data)[self._start : self._end])
            iter(slow)
            slow._buffer = _Escaping(slow._buffer)
            yield from islice(slow, read, None)


class _Escaping(bytearray):
    """Bytes whose parts can always be decoded."""

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return _Escaping(found) if isinstance(index, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return super().decode(encoding, "backslashreplace")


fetcher.MemoryRecords = LenientRecords
