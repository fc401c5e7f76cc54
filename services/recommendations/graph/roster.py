"""Opaque person ids as dense numbers, in the order in which they are first named; and records as columns of them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate

import numpy as np

from services.recommendations.graph.compiled import BoolArray, HashArray
from services.recommendations.graph.folding import Columns
from services.recommendations.graph.model import FoldRecord

NOBODY = -1


def hashes_of(ids: Sequence[str]) -> HashArray:
    """blake2b-64 of each id, read as a little-endian number."""
    digests = b"".join([blake2b(one.encode(), digest_size=8).digest() for one in ids])
    return np.frombuffer(digests, "<u8").astype(np.uint64)


class Roster(dict[str, int]):
    """person id → dense id; asking for an unknown one gives it the next number. `ids` is the way back."""

    def __init__(self, ids: Sequence[str] = ()) -> None:
        super().__init__({one: index for index, one in enumerate(ids)})
        self.ids = list(ids)
        self[""] = NOBODY

    def __missing__(self, person_id: str) -> int:
        index = len(self.ids)
        self.ids.append(person_id)
        self[person_id] = index
        return index


def columns_of(
    records: Sequence[FoldRecord], roster: Roster, left_out: frozenset[str]
) -> tuple[Columns, BoolArray, HashArray]:
    """The columns of `records`, which of them fold anything, and the hashes of their ids (0 for those that do not)."""
    named: list[str] = []
    lengths = [0]
    ids: list[str] = []
    folded: list[bool] = []
    for record in records:
        counts = bool(record.record_id) and record.source_id not in left_out
        folded.append(counts)
        if counts:
            ids.append(record.record_id)
            participants = record.participants
            named.append(record.initiator)
            named += participants
            lengths.append(len(participants) + 1)
        else:
            named.append("")
            lengths.append(1)
    hashes = np.zeros(len(records), np.uint64)
    hashes[folded] = hashes_of(ids)
    columns = Columns(
        time_us=np.array([record.time_us for record in records], np.int64),
        kind=np.array([record.kind for record in records], np.uint8),
        start=np.fromiter(accumulate(lengths), np.int64, len(lengths)),
        people=np.array([roster[one] for one in named], np.int32),
    )
    return columns, np.array(folded, np.bool_), hashes
