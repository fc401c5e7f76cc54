"""Who is tied to whom: per person a row of the at most 64 strongest peers, as a structure of arrays.

Rows start with 8 slots and double; a row that moved leaves its old place to the next one of that size. Which
peer gives way when a row is full depends on the order of records only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from services.recommendations.graph.compiled import (
    ByteArray,
    FloatArray,
    IntArray,
    LongArray,
    SecondsArray,
    ShortArray,
    kernel,
    signed,
)
from services.recommendations.graph.model import SLOTS

SMALLEST_ROW = 8
SIZES = 4  # 8, 16, 32, 64
GROWTH_OF_ONE_ROW = 8 + 16 + 32 + 64
MOST_COUNTED = 65_535


class Rows(NamedTuple):
    """`offset`, `capacity`, `length` per person; the other columns per slot. `free[k]` heads the list of left rows of
    8 * 2**k slots, linked through the first weight of each; `used[0]` is the end of the occupied slots."""

    offset: LongArray
    capacity: IntArray
    length: IntArray
    free: LongArray
    used: LongArray
    peer: IntArray
    weight: FloatArray
    sent: ShortArray
    received: ShortArray
    last: SecondsArray
    kind: ByteArray


def empty_rows(people: int, slots: int) -> Rows:
    return Rows(
        offset=np.zeros(people, np.int64),
        capacity=np.zeros(people, np.int32),
        length=np.zeros(people, np.int32),
        free=np.full(SIZES, -1, np.int64),
        used=np.zeros(1, np.int64),
        peer=np.zeros(slots, np.int32),
        weight=np.zeros(slots, np.float64),
        sent=np.zeros(slots, np.uint16),
        received=np.zeros(slots, np.uint16),
        last=np.zeros(slots, np.uint32),
        kind=np.zeros(slots, np.uint8),
    )


PER_PERSON = ("offset", "capacity", "length")
PER_SLOT = ("peer", "weight", "sent", "received", "last", "kind")


@kernel
def find_slot(rows: Rows, person: int, peer: int) -> int:
    """Index of `peer` in the row of `person`, -1 when it is not there."""
    start = rows.offset[person]
    for slot in range(start, start + rows.length[person]):
        if rows.peer[slot] == peer:
            return slot
    return -1


@kernel
def widen(rows: Rows, person: int) -> None:
    """Moves a full row to one of twice its size. The caller has made sure that there is room."""
    old = rows.offset[person]
    count = rows.length[person]
    capacity = rows.capacity[person]
    size = 0
    while SMALLEST_ROW << size <= capacity:
        size += 1
    new = rows.free[size]
    if new >= 0:
        rows.free[size] = signed(rows.weight[new])
    else:
        new = rows.used[0]
        rows.used[0] = new + (SMALLEST_ROW << size)
    for k in range(count):
        rows.peer[new + k] = rows.peer[old + k]
        rows.weight[new + k] = rows.weight[old + k]
        rows.sent[new + k] = rows.sent[old + k]
        rows.received[new + k] = rows.received[old + k]
        rows.last[new + k] = rows.last[old + k]
        rows.kind[new + k] = rows.kind[old + k]
    if capacity:
        rows.weight[old] = rows.free[size - 1]
        rows.free[size - 1] = old
    rows.offset[person] = new
    rows.capacity[person] = SMALLEST_ROW << size


@kernel
def add_to_row(
    rows: Rows, person: int, peer: int, weight: float, sent: int, received: int, second: int, kind: int
) -> None:
    """Adds one contact to one side of a tie. In a full row it takes the place of the weakest peer (the first of
    equals) unless it is weaker still: then it is left out."""
    slot = find_slot(rows, person, peer)
    if slot >= 0:
        rows.weight[slot] += weight
        rows.sent[slot] = min(rows.sent[slot] + sent, MOST_COUNTED)
        rows.received[slot] = min(rows.received[slot] + received, MOST_COUNTED)
        if second >= rows.last[slot]:
            rows.last[slot] = second
            rows.kind[slot] = kind
        return
    count = rows.length[person]
    if count < SLOTS:
        if count == rows.capacity[person]:
            widen(rows, person)
        slot = rows.offset[person] + count
        rows.length[person] = count + 1
    else:
        start = rows.offset[person]
        slot = start
        for other in range(start + 1, start + count):
            if rows.weight[other] < rows.weight[slot]:
                slot = other
        if weight < rows.weight[slot]:
            return
    rows.peer[slot] = peer
    rows.weight[slot] = weight
    rows.sent[slot] = sent
    rows.received[slot] = received
    rows.last[slot] = second
    rows.kind[slot] = kind


@kernel
def share_a_peer(rows: Rows, a: int, b: int) -> bool:
    """Whether somebody stands in both rows."""
    first = rows.offset[a]
    for slot in range(first, first + rows.length[a]):  # noqa: SIM110 - a generator does not compile
        if find_slot(rows, b, rows.peer[slot]) >= 0:
            return True
    return False


@kernel
def scale_rows(rows: Rows, factor: float) -> None:
    """Multiplies every weight in use (and none of the links between left rows) by a power of two."""
    for person in range(len(rows.length)):
        start = rows.offset[person]
        for slot in range(start, start + rows.length[person]):
            rows.weight[slot] *= factor
