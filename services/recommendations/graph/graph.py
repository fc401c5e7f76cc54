"""The graph of who knows whom: folded from the journal in the order of sequences, read while it is being folded.

A batch is folded in chunks of a few milliseconds. A chunk and a query exclude one another, take turns, and the
position moves with each chunk, so a query sees the graph exactly at the position it reports.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from services.recommendations.graph.compiled import BoolArray, HashArray, IntArray, LongArray
from services.recommendations.graph.fingerprint import fingerprint
from services.recommendations.graph.folding import Columns, fold_columns, room_for
from services.recommendations.graph.locking import PhaseFairLock
from services.recommendations.graph.model import (
    COMPANY_LIMIT,
    Digest,
    FoldRecord,
    FoldReport,
    GraphSettings,
    Met,
    PersonFigures,
    Position,
    SequenceGap,
    Tie,
)
from services.recommendations.graph.numbers import MICROSECONDS, decay_to
from services.recommendations.graph.pairs import find_pair
from services.recommendations.graph.roster import Roster, columns_of
from services.recommendations.graph.rows import PER_PERSON, Rows
from services.recommendations.graph.state import UNSET, State, copy_of, empty_state, with_pairs, with_people, with_slots

# Pairs touched in one chunk: about 2 ms of folding.
CHUNK = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphView:
    """The graph at one position, valid within `Graph.reading()`. `visible`: np.bool_ per dense id, False = hidden."""

    state: State
    visible: BoolArray
    people: int
    position: Position
    settings: GraphSettings

    def decay(self, as_of_us: int) -> float:
        """Factor that turns stored strengths into those at `as_of_us`."""
        return self._decay(as_of_us, self.settings.half_life_us, 0)

    def recent_decay(self, as_of_us: int) -> float:
        """The same for the fast sums (new ties)."""
        return self._decay(as_of_us, self.settings.recent_half_life_us, 1)

    def _decay(self, as_of_us: int, half_life_us: int, which: int) -> float:
        base = int(self.state.ledger.base[which])
        return 1.0 if base == UNSET else decay_to(as_of_us, half_life_us, base)


class Graph:
    """See `docs/architecture.md`. All methods may be called from any thread; folds run one after another."""

    def __init__(self, settings: GraphSettings) -> None:
        self.settings = settings
        self._state = empty_state()
        self._visible = np.ones(len(self._state.people.degree), np.bool_)
        self._roster = Roster()
        self._position = Position()
        self._digest = Digest()
        self._lock = PhaseFairLock()
        self._folding = threading.Lock()
        self._naming = threading.Lock()

    @classmethod
    def restored(
        cls, settings: GraphSettings, state: State, ids: Sequence[str], position: Position, digest: Digest
    ) -> Graph:
        """A graph that goes on where another one stood."""
        graph = cls(settings)
        graph._state = state
        graph._visible = np.ones(len(state.people.degree), np.bool_)
        graph._roster = Roster(ids)
        graph._position = position
        graph._digest = digest
        return graph

    @property
    def position(self) -> Position:
        return self._position

    @property
    def digest(self) -> Digest:
        return self._digest

    @property
    def people_count(self) -> int:
        return len(self._roster.ids)

    def fold(self, records: Sequence[FoldRecord], *, next_offset: int | None = None) -> FoldReport:
        """Applies what lies above the position, which then is that of the last record.

        Raises SequenceGap, having applied nothing, when a record is missing. `next_offset`: where to read on once
        this batch is folded; without it the offset stays as it was.
        """
        with self._folding:
            sequence = self._position.sequence
            ignored = 0
            while ignored < len(records) and records[ignored].sequence <= sequence:
                ignored += 1
            fresh = records[ignored:]
            for record in fresh:
                sequence += 1
                if record.sequence != sequence:
                    raise SequenceGap(sequence, record.sequence)
            if fresh:
                with self._naming:
                    columns, counted, hashes = columns_of(fresh, self._roster, self.settings.left_out_sources)
                self._make_room_for_people()
                self._fold_columns(columns, counted, hashes)
            if next_offset is not None:
                with self._lock.write():
                    self._position = replace(self._position, next_offset=next_offset)
            return FoldReport(applied=len(fresh), ignored=ignored, position=self._position)

    def _fold_columns(self, columns: Columns, counted: BoolArray, hashes: HashArray) -> None:
        begin = 0
        present = np.empty(int(np.diff(columns.start).max()), np.int32)
        for end in _chunk_ends(columns):
            while begin < end:
                begin = self._fold_chunk(columns, counted, hashes, begin, end, present)
                if begin < end:
                    self._make_room_for_record(int(columns.start[begin + 1] - columns.start[begin]) - 1)

    def _fold_chunk(
        self, columns: Columns, counted: BoolArray, hashes: HashArray, begin: int, end: int, present: IntArray
    ) -> int:
        settings = self.settings
        with self._lock.write():
            done = fold_columns(
                self._state, columns, begin, end, settings.half_life_us, settings.recent_half_life_us, present
            )
            self._position = replace(self._position, sequence=self._position.sequence + done - begin)
            self._digest = Digest(
                count=self._digest.count + int(counted[begin:done].sum()),
                hash_sum=(self._digest.hash_sum + int(hashes[begin:done].sum())) % 2**64,
            )
        return done

    def _make_room_for_record(self, participants: int) -> None:
        """Only the folding thread changes these columns, so they are copied while queries go on and swapped after."""
        room = room_for(participants)
        state = self._state
        ties, company, pairs = state.ties, state.company, state.pairs
        if ties.used[0] + room.ties > len(ties.peer):
            ties = with_slots(ties, room.ties)
        if company.used[0] + room.company > len(company.peer):
            company = with_slots(company, room.company)
        if pairs.known[0] + room.pairs > len(pairs.key):
            pairs = with_pairs(pairs, room.pairs)
        with self._lock.write():
            self._state = self._state._replace(
                ties=_with_people_of(ties, self._state.ties),
                company=_with_people_of(company, self._state.company),
                pairs=pairs,
            )

    def _make_room_for_people(self) -> None:
        needed = len(self._roster.ids)
        if needed > len(self._visible):
            with self._lock.write():
                size = len(self._visible)
                while size < needed:
                    size *= 2
                if size > len(self._visible):
                    visible = np.ones(size, np.bool_)
                    visible[: len(self._visible)] = self._visible
                    self._state = with_people(self._state, size)
                    self._visible = visible

    def set_rewrite(self, number: int) -> None:
        """Notes the last rewrite of the journal that what was folded already contains."""
        with self._lock.write():
            self._position = replace(self._position, rewrite=number)

    def start_at(self, *, rewrite: int, next_offset: int | None) -> None:
        """Sets rewrite and offset of a graph that is about to be folded from the journal."""
        with self._lock.write():
            self._position = replace(self._position, rewrite=rewrite, next_offset=next_offset)

    def register(self, person_ids: Iterable[str]) -> IntArray:
        """Dense ids of people, known or new: somebody without any interaction may be suggested too."""
        with self._naming:
            indices = np.array([self._roster[one] for one in person_ids], np.int32)
        self._make_room_for_people()
        return indices

    def index_of(self, person_id: str) -> int | None:
        """Dense id, None for somebody neither seen nor registered."""
        index = self._roster.get(person_id)
        return None if index is None or index < 0 else index

    def person_at(self, index: int) -> str:
        return self._roster.ids[index]

    def hide(self, person_id: str) -> None:
        """From now on neither asker, candidate nor middle person. Not kept in snapshots: hide again after a restore."""
        self._show(person_id, False)

    def unhide(self, person_id: str) -> None:
        self._show(person_id, True)

    def _show(self, person_id: str, visible: bool) -> None:
        index = int(self.register([person_id])[0])
        with self._lock.write():
            self._visible[index] = visible

    def is_hidden(self, person_id: str) -> bool:
        index = self.index_of(person_id)
        return index is not None and not self._visible[index]

    @contextmanager
    def reading(self) -> Iterator[GraphView]:
        """Holds folds off for as long as it is open: a few milliseconds at most."""
        with self._lock.read():
            yield GraphView(
                state=self._state,
                visible=self._visible,
                people=min(len(self._roster.ids), len(self._visible)),
                position=self._position,
                settings=self.settings,
            )

    def ties(self, person_id: str, *, as_of_us: int, limit: int = 64) -> tuple[Tie, ...]:
        """The strongest ties at that instant, strongest first (then by person id), hidden people left out."""
        index = self.index_of(person_id)
        if index is None:
            return ()
        with self.reading() as view:
            rows = view.state.ties
            start = int(rows.offset[index])
            row = slice(start, start + int(rows.length[index]))
            shown = view.visible[rows.peer[row]] & view.visible[index]
            peer, weight, sent, received, last, kind = (column[row][shown].tolist() for column in rows[5:])
            decay = view.decay(as_of_us)
        found = [
            Tie(
                person_id=self._roster.ids[who],
                strength=strength * decay,
                sent=out,
                received=into,
                last_us=second * MICROSECONDS,
                kind=of,
            )
            for who, strength, out, into, second, of in zip(peer, weight, sent, received, last, kind, strict=True)
        ]
        return tuple(sorted(found, key=lambda tie: (-tie.strength, tie.person_id))[:limit])

    def met(self, a: str, b: str) -> Met | None:
        """First and last contact of two people, None if they were never in touch. Exact; hiding changes nothing."""
        first, second = self.index_of(a), self.index_of(b)
        if first is None or second is None or first == second:
            return None
        with self.reading() as view:
            pairs = view.state.pairs
            index = find_pair(pairs, first, second)
            if index < 0:
                return None
            return Met(first_us=int(pairs.first[index]) * MICROSECONDS, last_us=int(pairs.last[index]) * MICROSECONDS)

    def person(self, person_id: str, *, as_of_us: int) -> PersonFigures | None:
        """Figures of somebody seen in at least one interaction, None for anybody else."""
        index = self.index_of(person_id)
        if index is None:
            return None
        with self.reading() as view:
            people = view.state.people
            if people.first[index] == 0:
                return None
            return PersonFigures(
                strength=float(people.strength[index]) * view.decay(as_of_us),
                ties=int(people.degree[index]),
                first_seen_us=int(people.first[index]) * MICROSECONDS,
                last_active_us=int(people.last[index]) * MICROSECONDS,
                new_ties=float(people.made[index] + people.received[index]) * view.recent_decay(as_of_us),
            )

    def copied(self) -> tuple[State, list[str], Position, Digest]:
        """A copy of everything, taken between two chunks of a fold; queries go on meanwhile."""
        with self._lock.read():
            return copy_of(self._state), self._roster.ids[: len(self._visible)], self._position, self._digest

    def state_hash(self) -> str:
        """Hex hash, equal for equal folds: whatever the batches, restores and registrations."""
        state, ids, position, digest = self.copied()
        return fingerprint(state, ids, position.sequence, digest, self.settings)


def _with_people_of(rows: Rows, current: Rows) -> Rows:
    return rows._replace(**{name: getattr(current, name) for name in PER_PERSON})


def _chunk_ends(columns: Columns) -> Iterator[int]:
    """Where to let queries in: after about CHUNK pairs, at least one record apart."""
    size: LongArray = np.diff(columns.start) - 1
    pairs = np.cumsum(size + np.where(size <= COMPANY_LIMIT, size * (size - 1) // 2, 0) + 1)
    yield from (np.flatnonzero(np.diff(pairs // CHUNK)) + 1).tolist()
    yield len(size)
