"""Who may be suggested now, as arrays over the graph's dense ids: kept up to date person by person."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from services.platform.clock import Clock
from services.recommendations.directory.likeness import Likeness
from services.recommendations.directory.people import People
from services.recommendations.domain.kinds import Kind
from services.recommendations.domain.people import Person
from services.recommendations.graph import Graph
from services.recommendations.ranking import Affinity

BoolArray = NDArray[np.bool_]


@dataclass(slots=True, kw_only=True)
class _Arrays:
    graph: Graph
    eligible: dict[Kind, BoolArray]
    likeness: Likeness = field(default_factory=Likeness)


class Candidates:
    """The eligibility of everybody in `people` for each kind, and the likeness of profiles, for one graph at a time."""

    def __init__(self, people: People, clock: Clock, kinds: Iterable[Kind] = tuple(Kind)) -> None:
        self._people = people
        self._clock = clock
        self._kinds = tuple(kinds)
        self._arrays: _Arrays | None = None
        self._changes: list[tuple[datetime, str]] = []
        self._updating = asyncio.Lock()

    async def attach(self, graph: Graph) -> None:
        """Goes over to another graph, once everybody is registered in it."""
        async with self._updating:
            arrays = _Arrays(graph=graph, eligible={kind: np.zeros(1024, np.bool_) for kind in self._kinds})
            known = [person.person_id for person in self._people]
            await self._register(arrays, known)
            for erased in self._people.erased_ids:
                await asyncio.to_thread(graph.hide, erased)
            self._arrays = arrays

    async def update(self, person_ids: Sequence[str]) -> None:
        """Looks again at people whose profile changed."""
        async with self._updating:
            arrays = self._arrays
            if arrays is None:
                return
            await self._register(arrays, person_ids)
            for person_id in person_ids:
                if self._people.erased(person_id):
                    await asyncio.to_thread(arrays.graph.hide, person_id)

    async def _register(self, arrays: _Arrays, person_ids: Sequence[str]) -> None:
        now = self._clock.now()
        indices = await asyncio.to_thread(arrays.graph.register, person_ids)
        for index, person_id in zip(indices.tolist(), person_ids, strict=True):
            person = self._people.get(person_id)
            arrays.likeness.put(index, person)
            self._judge(arrays, index, person_id, person, now)

    def _judge(self, arrays: _Arrays, index: int, person_id: str, person: Person | None, now: datetime) -> None:
        for kind, mask in arrays.eligible.items():
            if index >= len(mask):
                longer = np.zeros(max(2 * len(mask), index + 1), np.bool_)
                longer[: len(mask)] = mask
                mask = arrays.eligible[kind] = longer
            mask[index] = person is not None and person.may_be_introduced(kind, now)
        change = person.wishes.next_change(now) if person is not None else None
        if change is not None:
            heapq.heappush(self._changes, (change, person_id))

    @property
    def graph(self) -> Graph | None:
        """The graph whose dense ids the arrays speak of; None before the first one."""
        return self._arrays.graph if self._arrays is not None else None

    def eligible(self, kind: Kind, without: Iterable[str]) -> BoolArray:
        """A copy of the mask of everybody who may be introduced for `kind` now, less some."""
        arrays = self._attached()
        self._let_time_pass(arrays)
        mask = arrays.eligible[kind].copy()
        for person_id in without:
            index = arrays.graph.index_of(person_id)
            if index is not None and index < len(mask):
                mask[index] = False
        return mask

    def affinity(self, person: Person) -> Affinity:
        """Everybody whose profile shares something with the person's, and how alike they are."""
        indices, values = self._attached().likeness.alike(person)
        return Affinity(people=indices, values=values)

    def _let_time_pass(self, arrays: _Arrays) -> None:
        now = self._clock.now()
        while self._changes and self._changes[0][0] <= now:
            _, person_id = heapq.heappop(self._changes)
            index = arrays.graph.index_of(person_id)
            if index is not None:
                self._judge(arrays, index, person_id, self._people.get(person_id), now)

    def _attached(self) -> _Arrays:
        if self._arrays is None:
            raise LookupError("no graph yet")
        return self._arrays
