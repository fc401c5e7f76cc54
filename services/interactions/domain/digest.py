"""Two sets of ids are the same when their counts and sums of hashes are: the sum does not depend on the order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

_MODULUS = 1 << 64


class Digest:
    """Count, and sum modulo 2⁶⁴ of the first 8 bytes, little-endian, of BLAKE2b-64 of each id."""

    __slots__ = ("count", "id_sum")

    def __init__(self) -> None:
        self.count = 0
        self.id_sum = 0

    def add(self, ids: Iterable[str]) -> None:
        """Adds ids; the same id twice counts twice."""
        for each in ids:
            hashed = hashlib.blake2b(each.encode(), digest_size=8).digest()
            self.id_sum = (self.id_sum + int.from_bytes(hashed, "little")) % _MODULUS
            self.count += 1
