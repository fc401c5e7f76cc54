"""Ever met: the exact set of pairs ever in contact, with the first and the last contact of each.

Pairs stand in the order of their first record; an open-addressing table of twice their number finds them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from services.recommendations.graph.compiled import IntArray, LongArray, SecondsArray, kernel, signed


class Pairs(NamedTuple):
    """`key` = smaller dense id * 2**32 + larger one; `first`, `last` in seconds; `table` holds indices or -1;
    `known[0]` pairs are there."""

    table: IntArray
    key: LongArray
    first: SecondsArray
    last: SecondsArray
    known: LongArray


def empty_pairs(size: int) -> Pairs:
    """Room for `size` pairs, a power of two."""
    return Pairs(
        table=np.full(2 * size, -1, np.int32),
        key=np.zeros(size, np.int64),
        first=np.zeros(size, np.uint32),
        last=np.zeros(size, np.uint32),
        known=np.zeros(1, np.int64),
    )


@kernel
def pair_key(a: int, b: int) -> int:
    return signed(min(a, b)) << 32 | signed(max(a, b))


@kernel
def probe(pairs: Pairs, key: int) -> int:
    """The cell of the table that holds `key`, or the free one where it belongs (mixing: splitmix64)."""
    mixed = np.uint64(key)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    mask = len(pairs.table) - 1
    cell = signed(mixed & np.uint64(mask))
    while pairs.table[cell] >= 0 and pairs.key[pairs.table[cell]] != key:
        cell = (cell + 1) & mask
    return cell


@kernel
def find_pair(pairs: Pairs, a: int, b: int) -> int:
    """Index of the pair, -1 when the two never met."""
    return signed(pairs.table[probe(pairs, pair_key(a, b))])


@kernel
def add_pair(pairs: Pairs, a: int, b: int, second: int) -> bool:
    """Records a contact; True when it is the pair's first. The caller has made sure that there is room."""
    key = pair_key(a, b)
    cell = probe(pairs, key)
    index = pairs.table[cell]
    if index >= 0:
        pairs.first[index] = min(pairs.first[index], second)
        pairs.last[index] = max(pairs.last[index], second)
        return False
    index = pairs.known[0]
    pairs.table[cell] = index
    pairs.key[index] = key
    pairs.first[index] = second
    pairs.last[index] = second
    pairs.known[0] = index + 1
    return True


@kernel
def index_pairs(pairs: Pairs) -> None:
    """Fills an empty table from the pairs."""
    for index in range(pairs.known[0]):
        pairs.table[probe(pairs, pairs.key[index])] = index
