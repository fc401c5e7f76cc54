"""The ranker that needs no training: friends of friends, decayed, damped, and people met in company.

score(u, v) = Σ_w ln(1 + W_uw) ln(1 + W_wv) / √S_w / S_v^⅛ + ½ ln(1 + C_uv) + m ln(1 + N_v) + ¼ affinity(u, v), with
W decayed contact, C decayed company, S decayed strength of a person, N decayed new ties. m grows with the share of
new ties that closed no triangle: nearly 0 in an organisation, large among strangers, where only activity tells.
Log compression and damping by the middle person after Adamic and Adar, "Friends and neighbors on the Web", 2003.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.recommendations.graph import FoldRecord, Graph, GraphSettings, GraphView
from services.recommendations.graph import warm as warm_graph
from services.recommendations.graph.compiled import BoolArray, FloatArray, IntArray, LongArray
from services.recommendations.ranking.interface import Affinity, Candidate, Evidence, Ranking
from services.recommendations.ranking.kernels import MIDDLE, MOST_TOUCHED, Weights, candidates_of, evidence_of

RANKER_VERSION = "two-hop-1"

COMPANY_WEIGHT = 0.5
AFFINITY_WEIGHT = 0.25
MOVERS_SCALE = 10.0
MOST_MOVERS_WEIGHT = 100.0
# Before anything is known, nine of ten new ties are taken to close a triangle; this counts as 20 of them.
PRIOR_TIES = 20.0
PRIOR_CLOSED = 18.0

_NOBODY = Affinity(np.empty(0, np.int32), np.empty(0, np.float64))
_NO_EVIDENCE = Evidence(common=0, asker_ties=0, candidate_ties=0, shared_kind=None, middle=())


@dataclass(slots=True)
class _Scratch:
    """Working memory of one thread."""

    total: FloatArray
    touched: IntArray
    scores: FloatArray


class TwoHopRanker:
    """See `Ranker` for the contract of every method."""

    version = RANKER_VERSION

    def __init__(self) -> None:
        self._local = threading.local()

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
        person = graph.index_of(person_id)
        similar = affinity or _NOBODY
        with graph.reading() as view:
            position = view.position
            if person is None or person >= view.people or not view.visible[person] or limit < 1:
                return Ranking(
                    person_id=person_id, position=position, version=RANKER_VERSION, as_of_us=as_of_us, candidates=()
                )
            known = (similar.people >= 0) & (similar.people < view.people)
            alike = _as_compiled(similar.people[known], np.int32)
            scratch = self._scratch(len(view.visible), len(alike))
            decay = view.decay(as_of_us)
            count = candidates_of(
                view.state,
                person,
                view.visible,
                view.visible if eligible is None else _as_compiled(eligible, np.bool_),
                decay,
                view.recent_decay(as_of_us),
                Weights(COMPANY_WEIGHT, movers_weight(view, as_of_us), AFFINITY_WEIGHT, 4 * limit, bool(include_met)),
                alike,
                _as_compiled(similar.values[known], np.float64),
                scratch.total,
                scratch.touched,
                scratch.scores,
            )
            order = _best(graph, scratch.touched[:count], scratch.scores[:count], limit)
            chosen, scores = scratch.touched[order], scratch.scores[order].tolist()
            evidence = self._evidence(graph, view, person, chosen, decay)
        return Ranking(
            person_id=person_id,
            position=position,
            version=RANKER_VERSION,
            as_of_us=as_of_us,
            candidates=tuple(
                Candidate(person_id=graph.person_at(index), index=index, score=score, evidence=seen)
                for index, score, seen in zip(chosen.tolist(), scores, evidence, strict=True)
            ),
        )

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
        return [
            self.rank(
                graph,
                person_id,
                as_of_us=as_of_us,
                limit=limit,
                eligible=eligible,
                affinity=None if affinities is None else affinities.get(person_id),
                include_met=include_met,
            )
            for person_id in person_ids
        ]

    def explain(self, graph: Graph, person_id: str, others: Sequence[str], *, as_of_us: int) -> list[Evidence]:
        person = graph.index_of(person_id)
        indices = [graph.index_of(other) for other in others]
        with graph.reading() as view:
            if person is None or person >= view.people or not view.visible[person]:
                return [_NO_EVIDENCE] * len(others)
            known = [index for index in indices if index is not None and index < view.people and view.visible[index]]
            found = self._evidence(graph, view, person, np.array(known, np.int32), view.decay(as_of_us))
        by_index = dict(zip(known, found, strict=True))
        return [_NO_EVIDENCE if index is None else by_index.get(index, _NO_EVIDENCE) for index in indices]

    def _evidence(self, graph: Graph, view: GraphView, person: int, others: IntArray, decay: float) -> list[Evidence]:
        common, shared = np.empty(len(others), np.int32), np.empty(len(others), np.int32)
        middle = np.empty((len(others), MIDDLE), np.int32)
        total, best = self._scratch(len(view.visible), 0).total, np.empty(MIDDLE, np.float64)
        evidence_of(view.state, person, others, view.visible, decay, total, best, common, shared, middle)
        degree = view.state.people.degree
        asker_ties = int(degree[person])
        return [
            Evidence(
                common=number,
                asker_ties=asker_ties,
                candidate_ties=candidate_ties,
                shared_kind=None if kind < 0 else kind,
                middle=tuple(graph.person_at(index) for index in between if index >= 0),
            )
            for number, candidate_ties, kind, between in zip(
                common.tolist(), degree[others].tolist(), shared.tolist(), middle.tolist(), strict=True
            )
        ]

    def _scratch(self, people: int, similar: int) -> _Scratch:
        scratch: _Scratch | None = getattr(self._local, "scratch", None)
        room = MOST_TOUCHED + similar + 1
        if scratch is None or len(scratch.total) < people or len(scratch.touched) < room:
            scratch = _Scratch(np.zeros(people, np.float64), np.empty(room, np.int32), np.empty(room, np.float64))
            self._local.scratch = scratch
        return scratch


def movers_weight(view: GraphView, as_of_us: int) -> float:
    """What recent activity counts: 10 · odds³ that a new tie closes no triangle (0.003 at 6 %, 10 at a half)."""
    decay = view.decay(as_of_us)
    made, closed = (float(total) * decay for total in view.state.ledger.closure)
    share = (closed + PRIOR_CLOSED) / (made + PRIOR_TIES)
    return min(MOVERS_SCALE * ((1.0 - share) / max(share, 1e-3)) ** 3, MOST_MOVERS_WEIGHT)


def _as_compiled(array: NDArray[Any], kind: type[np.generic]) -> NDArray[Any]:
    """The array, or a copy, of the one layout the kernels are compiled for: another one would compile them anew."""
    return np.require(array, kind, ["C", "W"])


def _best(graph: Graph, indices: IntArray, scores: FloatArray, limit: int) -> LongArray:
    """Places of the `limit` best, best first, equal scores by person id."""
    places = np.arange(len(scores))
    if len(scores) > limit:
        places = np.flatnonzero(scores >= np.partition(scores, len(scores) - limit)[len(scores) - limit])
    names = [graph.person_at(index) for index in indices[places].tolist()]
    order = sorted(zip((-scores[places]).tolist(), names, places.tolist(), strict=True))
    return np.array([place for _, _, place in order[:limit]], np.int64)


def warm() -> float:
    """Compiles or loads every kernel of graph and ranker; returns the seconds it took."""
    started = time.perf_counter()
    warm_graph()
    graph = Graph(GraphSettings(organisation=""))
    graph.fold([FoldRecord(sequence=1, record_id="1", initiator="a", participants=("b", "c"))])
    ranker = TwoHopRanker()
    ranker.rank(graph, "b", as_of_us=0, limit=1)
    ranker.explain(graph, "b", ["c"], as_of_us=0)
    return time.perf_counter() - started
