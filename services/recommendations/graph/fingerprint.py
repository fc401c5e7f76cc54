"""One hash of all that a fold produced, equal for equal folds whatever numbers the people were given.

People stand in the order of the hash of their ids; rows keep the order of their slots, pairs that of their first
record: both follow from the journal alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.recommendations.graph.compiled import HashArray, LongArray
from services.recommendations.graph.model import Digest, GraphSettings
from services.recommendations.graph.roster import hashes_of
from services.recommendations.graph.rows import PER_SLOT, Rows
from services.recommendations.graph.state import State


def _slots(rows: Rows, order: LongArray) -> LongArray:
    """Indices of the slots of the given people, one row after the other."""
    count = rows.length[order].astype(np.int64)
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(count)])
    return np.repeat(rows.offset[order] - before[:-1], count) + np.arange(before[-1])


def _parts(state: State, names: HashArray) -> Iterator[NDArray[Any]]:
    order = np.argsort(names, kind="stable")
    order = order[state.people.first[order] > 0]
    yield names[order]
    for column in state.people:
        yield column[order]
    for rows in (state.ties, state.company):
        yield rows.length[order]
        slots = _slots(rows, order)
        for name in PER_SLOT:
            values = getattr(rows, name)[slots]
            yield names[values] if name == "peer" else values
    pairs = int(state.pairs.known[0])
    ends = np.sort(names[np.stack([state.pairs.key[:pairs] >> 32, state.pairs.key[:pairs] & 0xFFFFFFFF])], axis=0)
    yield from (ends, state.pairs.first[:pairs], state.pairs.last[:pairs])
    ledger = state.ledger
    made = int(ledger.movers_made[0])
    yield from (ledger.base, ledger.closure, ledger.movers_made)
    yield names[np.roll(ledger.movers, -made)] if made >= len(ledger.movers) else names[ledger.movers[:made]]


def fingerprint(state: State, ids: Sequence[str], sequence: int, digest: Digest, settings: GraphSettings) -> str:
    """Hex blake2b-256 over state, position and what shaped the fold."""
    shape = f"{sequence} {digest.count} {digest.hash_sum} {settings.half_life_us} {sorted(settings.left_out_sources)}"
    total = blake2b(shape.encode(), digest_size=32)
    for part in _parts(state, hashes_of(ids)):
        total.update(f"{part.dtype} {part.shape}".encode())
        total.update(np.ascontiguousarray(part).data)
    return total.hexdigest()
