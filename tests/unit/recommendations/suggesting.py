"""A suggester over fakes: a ranker that offers everybody eligible, and stores that answer what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry

from services.platform.testing import ManualClock
from services.recommendations.directory.candidates import Candidates
from services.recommendations.directory.people import People
from services.recommendations.domain.kinds import Kind
from services.recommendations.graph import Graph, GraphSettings
from services.recommendations.graph.compiled import BoolArray
from services.recommendations.metrics import Counters
from services.recommendations.ranking import Affinity, Candidate, Evidence, Ranking
from services.recommendations.suggestions import Suggester, Suggestions
from tests.unit.recommendations.people import NOW

NOTHING = Evidence(common=0, asker_ties=0, candidate_ties=0, shared_kind=None, middle=())


class EverybodyRanker:
    """Offers everybody eligible by likeness plus `scores`, of a candidate or of (asker, candidate)."""

    version = "everybody-1"

    def __init__(self, scores: Mapping[str | tuple[str, str], float] | None = None) -> None:
        self.scores = dict(scores or {})

    def rank(
        self,
        graph: Graph,
        person_id: str,
        *,
        as_of_us: int,
        limit: int,
        eligible: BoolArray | None = None,
        affinity: Affinity | None = None,
        include_met: bool = False,
    ) -> Ranking:
        assert eligible is not None
        alike = dict(zip(affinity.people.tolist(), affinity.values.tolist(), strict=True)) if affinity else {}
        offered = [
            Candidate(
                person_id=graph.person_at(index),
                index=index,
                score=self.score(person_id, graph.person_at(index)) + alike.get(index, 0.0),
                evidence=NOTHING,
            )
            for index in range(graph.people_count)
            if index < len(eligible) and eligible[index] and graph.person_at(index) != person_id
        ]
        offered.sort(key=lambda each: (-each.score, each.person_id))
        return Ranking(
            person_id=person_id,
            position=graph.position,
            version=self.version,
            as_of_us=as_of_us,
            candidates=tuple(offered[:limit]),
        )

    def score(self, asker: str, candidate: str) -> float:
        return self.scores.get((asker, candidate), self.scores.get(candidate, 0.0))

    def rank_batch(
        self,
        graph: Graph,
        person_ids: Sequence[str],
        *,
        as_of_us: int,
        limit: int,
        eligible: BoolArray | None = None,
        affinities: Mapping[str, Affinity] | None = None,
        include_met: bool = False,
    ) -> list[Ranking]:
        return [self.rank(graph, each, as_of_us=as_of_us, limit=limit, eligible=eligible) for each in person_ids]

    def explain(self, graph: Graph, person_id: str, others: Sequence[str], *, as_of_us: int) -> list[Evidence]:
        return [NOTHING] * len(others)


@dataclass
class Told:
    """What the database would say: open or recent partners by person, and who is full."""

    partners_of: dict[str, set[str]] = field(default_factory=dict)
    full_people: set[str] = field(default_factory=set)

    async def partners(self, person_ids: Collection[str], *, since: datetime, shadow: bool) -> dict[str, set[str]]:
        return {each: set(self.partners_of.get(each, ())) for each in person_ids}

    async def full(self, now: datetime, *, shadow: bool) -> set[str]:
        return set(self.full_people)


class Stage:
    """People, a graph and a suggester; `attach` before asking."""

    def __init__(self, *, scores: Mapping[str | tuple[str, str], float] | None = None) -> None:
        self.people = People()
        self.clock = ManualClock(NOW)
        self.candidates = Candidates(self.people, self.clock)
        self.graph = Graph(GraphSettings(organisation="test"))
        self.told = Told()
        self.ranker = EverybodyRanker(scores)
        self.suggester = Suggester(
            people=self.people,
            candidates=self.candidates,
            ranker=self.ranker,
            introductions=self.told,
            capacity=self.told,
            repeat_days=180.0,
            still=asyncio.Lock(),
            counters=Counters.create(CollectorRegistry()),
            clock=self.clock,
        )

    async def suggested(self, person_id: str, limit: int = 10) -> list[str]:
        found = await self.found(person_id, limit)
        return [each.person.person_id for each in found.suggestions]

    async def found(self, person_id: str, limit: int = 10) -> Suggestions:
        return await self.suggester.suggest(person_id, kinds=set(Kind), limit=limit, as_of_us=self.suggester.now_us())
