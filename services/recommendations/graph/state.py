"""All that a fold changes, as arrays; made, widened and copied here, changed by the kernels only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.recommendations.graph.compiled import FloatArray, IntArray, LongArray, SecondsArray
from services.recommendations.graph.pairs import Pairs, empty_pairs, index_pairs
from services.recommendations.graph.rows import PER_PERSON, PER_SLOT, Rows, empty_rows

SMALLEST_PEOPLE = 64
SMALLEST_SLOTS = 1 << 14
SMALLEST_PAIRS = 1 << 12
# The last people who made a new tie: where candidates come from for whom nobody speaks yet.
MOVERS = 2_048
UNSET = -(1 << 40)


class People(NamedTuple):
    """Per person: decayed strength of all contacts, people ever met, first and last second seen, decayed new ties
    made (as initiator) and received."""

    strength: FloatArray
    degree: IntArray
    first: SecondsArray
    last: SecondsArray
    made: FloatArray
    received: FloatArray


class Ledger(NamedTuple):
    """Sums over everybody. `base`: forward-decay base in half-lives, slow and fast. `closure`: decayed number of new
    ties between known people, and of those whose ends had a peer in common before. `movers`: ring, next place in
    `movers_made[0]` (counts on, modulo the ring's length)."""

    base: LongArray
    closure: FloatArray
    movers: IntArray
    movers_made: LongArray


class State(NamedTuple):
    """The graph: `ties` are decayed contacts, `company` decayed co-presence without contact."""

    ties: Rows
    company: Rows
    pairs: Pairs
    people: People
    ledger: Ledger


def empty_state() -> State:
    return State(
        ties=empty_rows(SMALLEST_PEOPLE, SMALLEST_SLOTS),
        company=empty_rows(SMALLEST_PEOPLE, SMALLEST_SLOTS),
        pairs=empty_pairs(SMALLEST_PAIRS),
        people=People(
            strength=np.zeros(SMALLEST_PEOPLE, np.float64),
            degree=np.zeros(SMALLEST_PEOPLE, np.int32),
            first=np.zeros(SMALLEST_PEOPLE, np.uint32),
            last=np.zeros(SMALLEST_PEOPLE, np.uint32),
            made=np.zeros(SMALLEST_PEOPLE, np.float64),
            received=np.zeros(SMALLEST_PEOPLE, np.float64),
        ),
        ledger=Ledger(
            base=np.full(2, UNSET, np.int64),
            closure=np.zeros(2, np.float64),
            movers=np.full(MOVERS, -1, np.int32),
            movers_made=np.zeros(1, np.int64),
        ),
    )


def longer(column: NDArray[Any], size: int) -> NDArray[Any]:
    """A copy of `column` with zeros behind, `size` long in all."""
    wide = np.zeros(size, column.dtype)
    wide[: len(column)] = column
    return wide


def copy_of(state: State) -> State:
    return State(
        **{
            group: columns._replace(**{name: column.copy() for name, column in columns._asdict().items()})
            for group, columns in state._asdict().items()
        }
    )


def _widened(columns: Any, names: tuple[str, ...], size: int) -> Any:
    """The same columns, the named ones copied and lengthened to `size`."""
    return columns._replace(**{name: longer(getattr(columns, name), size) for name in names})


def with_people(state: State, size: int) -> State:
    """A state with room for `size` people; what is not per person is shared with the given one."""
    return state._replace(
        ties=_widened(state.ties, PER_PERSON, size),
        company=_widened(state.company, PER_PERSON, size),
        people=_widened(state.people, People._fields, size),
    )


def with_slots(rows: Rows, needed: int) -> Rows:
    """Rows with room for `needed` more slots, at least half as many again."""
    have = len(rows.peer)
    wide: Rows = _widened(rows, PER_SLOT, max(have + have // 2, have + needed))
    return wide


def with_pairs(pairs: Pairs, needed: int) -> Pairs:
    """Pairs with room for `needed` more, at least twice as many, and a new table."""
    size = 2 * len(pairs.key)
    while size < pairs.known[0] + needed:
        size *= 2
    wide = Pairs(
        table=np.full(2 * size, -1, np.int32),
        key=longer(pairs.key, size),
        first=longer(pairs.first, size),
        last=longer(pairs.last, size),
        known=pairs.known,
    )
    index_pairs(wide)
    return wide


def used_columns(state: State, people: int) -> Iterator[tuple[str, NDArray[Any]]]:
    """(name, the part in use) of every column but the table of pairs, which follows from the pairs."""
    for group, columns in state._asdict().items():
        for name, column in columns._asdict().items():
            if name == "table":
                continue
            length = len(column)
            if group == "people" or name in PER_PERSON:
                length = people
            elif group in ("ties", "company") and name in PER_SLOT:
                length = int(columns.used[0])
            elif group == "pairs" and name != "known":
                length = int(columns.known[0])
            yield f"{group}.{name}", column[:length]


def from_used_columns(columns: dict[str, NDArray[Any]], people: int) -> State:
    """The reverse of `used_columns`. Raises KeyError and ValueError where a column is missing or has another type."""
    state = with_people(empty_state(), max(people, SMALLEST_PEOPLE))
    state = state._replace(
        ties=with_slots(state.ties, int(columns["ties.used"][0])),
        company=with_slots(state.company, int(columns["company.used"][0])),
        pairs=with_pairs(state.pairs, int(columns["pairs.known"][0])),
    )
    for group, target in state._asdict().items():
        for name, column in target._asdict().items():
            if name != "table":
                stored = columns[f"{group}.{name}"]
                if stored.dtype != column.dtype:
                    raise ValueError(f"{group}.{name} is {stored.dtype}, expected {column.dtype}")
                column[: len(stored)] = stored
    index_pairs(state.pairs)
    return state
