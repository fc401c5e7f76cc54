"""Whom somebody might meet: hard filters before scoring, the ranker's order, a recipe's composition, true reasons.

Depends on the graph's position, the profiles read, the ranker and the instant; open introductions and caps are read
from the database at request time. Nobody without a live profile has a list, for whatever cause.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import floor

from services.platform.clock import Clock
from services.recommendations.directory.candidates import Candidates
from services.recommendations.directory.people import People
from services.recommendations.domain.kinds import Kind
from services.recommendations.domain.people import Person
from services.recommendations.domain.reasons import Reason
from services.recommendations.graph import Graph, Position
from services.recommendations.kinds import RECIPES, Recipe
from services.recommendations.metrics import Counters
from services.recommendations.ranking import Candidate, Ranker, Ranking
from services.recommendations.store import CapacityStore, IntroductionStore

_MINUTE_US = 60_000_000
# So many more are ranked than asked for, as the own unit's share may leave some of them out.
_SPARE = 5
# Of reciprocal rank fusion: how little the first places differ, and how many places of the other's list count.
_FUSION = 10
_LOOKED_BACK = 100


class NoSuchPerson(Exception):
    """Nobody with a live profile: unknown, erased, hidden and not yet there are the same."""


class NotReadyYet(Exception):
    """The graph of this replica is not there yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One candidate with the reasons both may see."""

    person: Person
    kind: Kind
    reasons: Sequence[Reason]
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestions:
    """One person's list, best first, and on what it rests."""

    person_id: str
    suggestions: Sequence[Suggestion]
    position: Position
    version: str
    as_of_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """What the database says at request time, for some people at once."""

    partners: Mapping[str, set[str]]
    full: set[str]


class Suggester:
    """Answers for the graph, people and stores of this replica. `still` is held while a batch is ranked."""

    def __init__(
        self,
        *,
        people: People,
        candidates: Candidates,
        ranker: Ranker,
        introductions: IntroductionStore,
        capacity: CapacityStore,
        repeat_days: float,
        still: asyncio.Lock,
        counters: Counters,
        clock: Clock,
        recipes: Mapping[Kind, Recipe] = RECIPES,
    ) -> None:
        self._people = people
        self._candidates = candidates
        self._ranker = ranker
        self._introductions = introductions
        self._capacity = capacity
        self._repeat = timedelta(days=repeat_days)
        self._still = still
        self._counters = counters
        self._clock = clock
        self._recipes = recipes

    def now_us(self) -> int:
        """Now, cut to the minute, in microseconds since the epoch."""
        return int(self._clock.now().timestamp()) // 60 * _MINUTE_US

    def person(self, person_id: str) -> Person:
        """The person, if a list may be made for them. Raises NoSuchPerson, NotReadyYet."""
        graph = self._graph()
        person = self._people.get(person_id)
        if person is None or graph.is_hidden(person_id):
            raise NoSuchPerson(person_id)
        return person

    async def suggest(
        self, person_id: str, *, kinds: Collection[Kind], limit: int, as_of_us: int, shadow: bool = False
    ) -> Suggestions:
        """The list of one person. `shadow`: open proposals that nobody was asked about count instead of real ones.

        Raises NoSuchPerson, NotReadyYet.
        """
        person = self.person(person_id)
        given = await self._given([person_id], shadow)
        return await self._list(person, kinds, limit, as_of_us, given)

    async def suggest_batch(
        self, person_ids: Sequence[str], *, kinds: Collection[Kind], limit: int, as_of_us: int
    ) -> list[Suggestions | NoSuchPerson]:
        """The lists of many people at one position of the graph, in their order. Raises NotReadyYet."""
        self._graph()
        given = await self._given(person_ids, shadow=False)
        lists: list[Suggestions | NoSuchPerson] = []
        async with self._still:
            for person_id in person_ids:
                try:
                    lists.append(await self._list(self.person(person_id), kinds, limit, as_of_us, given))
                except NoSuchPerson as error:
                    lists.append(error)
        return lists

    async def _given(self, person_ids: Sequence[str], shadow: bool) -> _Given:
        now = self._clock.now()
        partners, full = await asyncio.gather(
            self._introductions.partners(person_ids, since=now - self._repeat, shadow=shadow),
            self._capacity.full(now, shadow=shadow),
        )
        return _Given(partners=partners, full=full)

    async def _list(
        self, person: Person, kinds: Collection[Kind], limit: int, as_of_us: int, given: _Given
    ) -> Suggestions:
        found: list[Suggestion] = []
        position = self._graph().position
        for kind, recipe in self._recipes.items():
            if kind in kinds and kind not in person.wishes.opted_out:
                ranking, chosen = await self._chosen(person, recipe, limit, as_of_us, given)
                position = ranking.position
                found += self._with_reasons(person, recipe, chosen)
        found.sort(key=lambda each: (-each.score, each.person.person_id))
        return Suggestions(
            person_id=person.person_id,
            suggestions=found[:limit],
            position=position,
            version=self._ranker.version,
            as_of_us=as_of_us,
        )

    async def _chosen(
        self, person: Person, recipe: Recipe, limit: int, as_of_us: int, given: _Given
    ) -> tuple[Ranking, list[Candidate]]:
        without = recipe.left_out(person, self._people) | given.partners[person.person_id] | given.full
        graph, affinity = self._graph(), self._candidates.affinity(person)
        eligible = self._candidates.eligible(recipe.kind, without)
        # Taken here: profiles go on changing while the other thread ranks.
        unit = frozenset(self._people.of_unit(person.unit))

        def ranked(most: int) -> Ranking:
            return self._ranker.rank(
                graph,
                person.person_id,
                as_of_us=as_of_us,
                limit=most,
                eligible=eligible,
                affinity=affinity,
                include_met=recipe.include_met,
            )

        def choose() -> tuple[Ranking, list[Candidate]]:
            ranking = ranked(limit * _SPARE)
            room = floor(limit * recipe.own_unit_share)
            chosen, passed_over = self._composed(ranking.candidates, person.unit, room, limit)
            if passed_over and len(chosen) < limit and len(ranking.candidates) == limit * _SPARE:
                # The best are nearly all from the own unit: the best of the others were not looked at.
                for index in map(graph.index_of, unit):
                    if index is not None and index < len(eligible):
                        eligible[index] = False
                near = [each for each in chosen if each.person_id in unit]
                chosen = near + list(ranked(limit).candidates[: limit - len(near)])
            chosen += passed_over[: limit - len(chosen)]
            return ranking, sorted(chosen, key=lambda each: (-each.score, each.person_id))

        # All in one go: a step to another thread and back takes as long as a ranking.
        return await asyncio.to_thread(choose)

    def _composed(
        self, ranked: Sequence[Candidate], unit: str, room: int, limit: int
    ) -> tuple[list[Candidate], list[Candidate]]:
        """The best with at most `room` of one unit, and those that were passed over for it."""
        chosen: list[Candidate] = []
        passed_over: list[Candidate] = []
        for candidate in ranked:
            if len(chosen) == limit:
                break
            of_unit = self._of_unit(candidate.person_id, unit)
            if of_unit and not room:
                passed_over.append(candidate)
            else:
                room -= of_unit
                chosen.append(candidate)
        return chosen, passed_over

    def _of_unit(self, person_id: str, unit: str) -> bool:
        other = self._people.get(person_id)
        return bool(unit) and other is not None and other.unit == unit

    def _with_reasons(self, person: Person, recipe: Recipe, chosen: Sequence[Candidate]) -> list[Suggestion]:
        """Looks once more at each: profiles may have changed while the thread was ranking."""
        now = self._clock.now()
        left_out = recipe.left_out(person, self._people)
        found = []
        for candidate in chosen:
            other = self._people.get(candidate.person_id)
            if other is None or candidate.person_id in left_out or not other.may_be_introduced(recipe.kind, now):
                continue
            reasons = recipe.reasons(person, other, candidate.evidence)
            found.append(Suggestion(person=other, kind=recipe.kind, reasons=reasons, score=candidate.score))
        return found

    async def mutual(
        self, person: Person, kind: Kind, found: Sequence[Suggestion], *, as_of_us: int
    ) -> list[Suggestion]:
        """The same suggestions, ordered by what both sides would gain: reciprocal ranks of both lists, added up.

        Reciprocal rank fusion after Cormack, Clarke and Büttcher, SIGIR 2009.
        """
        ids = [each.person.person_id for each in found]
        rankings = await asyncio.to_thread(
            self._ranker.rank_batch,
            self._graph(),
            ids,
            as_of_us=as_of_us,
            limit=_LOOKED_BACK,
            eligible=self._candidates.eligible(kind, ()),
            include_met=self._recipes[kind].include_met,
        )
        back = {ranking.person_id: place for ranking in rankings if (place := _place(ranking, person.person_id))}
        fused = {
            person_id: 1 / (_FUSION + place) + (1 / (_FUSION + back[person_id]) if person_id in back else 0.0)
            for place, person_id in enumerate(ids, 1)
        }
        return sorted(found, key=lambda each: (-fused[each.person.person_id], each.person.person_id))

    def served(self, found: Suggestions) -> None:
        """Counts a list that leaves the service: of how many suggestions nothing particular could be said."""
        said = Counter((each.kind.value, each.reasons[0].type.value) for each in found.suggestions)
        for labels, number in said.items():
            self._counters.suggestions.labels(*labels).inc(number)

    def _graph(self) -> Graph:
        graph = self._candidates.graph
        if graph is None:
            raise NotReadyYet
        return graph


def _place(ranking: Ranking, person_id: str) -> int | None:
    places = (place for place, each in enumerate(ranking.candidates, 1) if each.person_id == person_id)
    return next(places, None)
