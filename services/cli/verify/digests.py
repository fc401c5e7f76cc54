"""Counting without trusting counters: how many different ids, and the sum of their hashes, from each source itself.

Two stores that hold the same ids have equal digests, whatever their order; a difference of one id changes both parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

MASK = (1 << 64) - 1


def id_hash(record_id: str) -> int:
    """The first eight bytes, little-endian, of BLAKE2b-64 of the id (RFC 7693)."""
    return int.from_bytes(hashlib.blake2b(record_id.encode(), digest_size=8).digest(), "little")


@dataclass(slots=True, kw_only=True)
class Digest:
    """A number of records and the sum modulo 2^64 of the hashes of their ids."""

    count: int = 0
    id_sum: int = 0

    def add(self, record_id: str) -> None:
        """Count one record."""
        self.count += 1
        self.id_sum = (self.id_sum + id_hash(record_id)) & MASK

    @classmethod
    def of(cls, parts: Iterable[Digest]) -> Digest:
        """The digest of all records of `parts`, which have none in common."""
        whole = cls()
        for part in parts:
            whole.count += part.count
            whole.id_sum = (whole.id_sum + part.id_sum) & MASK
        return whole

    def differs(self, other: Digest) -> str:
        """How this differs from `other` in words; empty when it does not."""
        if self.count != other.count:
            return f"{self.count} records, not {other.count}"
        if self.id_sum != other.id_sum:
            return f"{self.count} records, as many, but with other ids"
        return ""
