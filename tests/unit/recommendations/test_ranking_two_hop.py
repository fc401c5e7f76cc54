"""The two-hop ranker: its formula, its filters, its order, and that it sees the graph at one position."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.recommendations.graph import FoldRecord, Graph
from services.recommendations.ranking import RANKER_VERSION, Affinity, Evidence, Ranker, TwoHopRanker
from services.recommendations.ranking.kernels import candidates_of, evidence_of
from tests.unit.recommendations.graph_oracle import Oracle, pair
from tests.unit.recommendations.graph_strategies import SECOND, SETTINGS, journals, person, record

AS_OF = 300 * SECOND
RANKER: Ranker = TwoHopRanker()


def graph_of(records: list[FoldRecord]) -> Graph:
    graph = Graph(SETTINGS)
    graph.fold(records)
    return graph


def names(graph: Graph, who: str, *, limit: int = 10, **options: object) -> list[str]:
    ranking = RANKER.rank(graph, who, as_of_us=AS_OF, limit=limit, **options)  # type: ignore[arg-type]
    return [candidate.person_id for candidate in ranking.candidates]


@settings(deadline=None, max_examples=60)
@given(journals(), st.sets(st.integers(0, 11), max_size=3), st.data())
def test_everybody_not_met_within_reach_is_scored_by_the_formula(
    records: list[FoldRecord], hidden: set[int], data: st.DataObject
) -> None:
    graph, oracle = graph_of(records), Oracle(SETTINGS, AS_OF).fold(records)
    out_of_sight = frozenset(person(one) for one in hidden)
    for one in out_of_sight:
        graph.hide(one)
    eligible = np.array(data.draw(st.lists(st.booleans(), min_size=12, max_size=12)))[: graph.people_count]
    for who in oracle.seen:
        ranking = RANKER.rank(graph, who, as_of_us=AS_OF, limit=50, eligible=eligible)
        found = {candidate.person_id: candidate for candidate in ranking.candidates}
        if who in out_of_sight:
            assert not found
            continue
        expected = {
            other
            for other in oracle.seen
            if other != who
            and other not in out_of_sight
            and eligible[graph.index_of(other) or 0]
            and pair(who, other) not in oracle.met
            and (oracle.peers(other) or pair(who, other) in oracle.company)
        }
        assert found.keys() == expected
        for other, candidate in found.items():
            assert math.isclose(candidate.score, oracle.score(who, other, out_of_sight), rel_tol=1e-9, abs_tol=1e-200)
            common = (oracle.peers(who) & oracle.peers(other)) - out_of_sight
            evidence = candidate.evidence
            assert evidence.common == len(common)
            assert set(evidence.middle) <= common
            assert len(evidence.middle) == min(3, len(common))
            assert (evidence.asker_ties, evidence.candidate_ties) == (len(oracle.peers(who)), len(oracle.peers(other)))
            last = oracle.company_last.get(pair(who, other))
            assert evidence.shared_kind == (None if last is None else last[1])
            assert graph.index_of(other) == candidate.index
        assert [candidate.evidence for candidate in ranking.candidates] == RANKER.explain(
            graph, who, [candidate.person_id for candidate in ranking.candidates], as_of_us=AS_OF
        )


@settings(deadline=None, max_examples=40)
@given(journals(), st.integers(1, 6), st.lists(st.integers(0, 30), unique=True))
def test_order_is_by_score_then_person_id_whatever_the_numbering(
    records: list[FoldRecord], limit: int, registered: list[int]
) -> None:
    graph, other = graph_of(records), Graph(SETTINGS)
    other.register([person(one) for one in registered])
    other.fold(records)
    for who in {one.initiator for one in records if graph.index_of(one.initiator) is not None}:
        full = RANKER.rank(graph, who, as_of_us=AS_OF, limit=50).candidates
        assert list(full) == sorted(full, key=lambda candidate: (-candidate.score, candidate.person_id))
        short = [(one.person_id, one.score) for one in RANKER.rank(graph, who, as_of_us=AS_OF, limit=limit).candidates]
        assert short == [(one.person_id, one.score) for one in full][:limit]
        again = RANKER.rank(other, who, as_of_us=AS_OF, limit=limit).candidates
        assert [(one.person_id, one.score, one.evidence.common) for one in again] == [
            (one.person_id, one.score, one.evidence.common) for one in full
        ][:limit]


def triangle() -> list[FoldRecord]:
    """0 knows 1 and 2; 3 knows 1 and 2; 4 knows 2."""
    return [record(1, 0, [1]), record(2, 2, [0]), record(3, 3, [1]), record(4, 2, [3]), record(5, 4, [2])]


def test_more_friends_in_common_come_first() -> None:
    assert names(graph_of(triangle()), person(0)) == [person(3), person(4)]


def test_ever_met_is_left_out_even_where_the_tie_itself_was_crowded_out() -> None:
    records = triangle()
    records += [record(len(records) + 1, 0, [3], second=1)]
    records += [record(len(records) + 1 + n, 0, [100 + n], second=2_000) for n in range(64)]
    graph = graph_of(records)
    assert person(3) not in {tie.person_id for tie in graph.ties(person(0), as_of_us=AS_OF)}
    assert person(3) not in names(graph, person(0), limit=500)
    assert person(3) in names(graph, person(4), limit=500)


def test_people_ever_met_are_ranked_only_when_asked_for() -> None:
    assert set(names(graph_of(triangle()), person(0), include_met=True)) == {person(n) for n in (1, 2, 3, 4)}


def test_a_hidden_person_is_no_candidate_no_middle_and_no_asker() -> None:
    graph = graph_of(triangle())
    graph.hide(person(2))
    (found,) = RANKER.rank(graph, person(0), as_of_us=AS_OF, limit=1).candidates
    assert (found.person_id, found.evidence.common, found.evidence.middle) == (person(3), 1, (person(1),))
    assert names(graph, person(2)) == []
    assert RANKER.explain(graph, person(2), [person(0)], as_of_us=AS_OF)[0].common == 0
    graph.unhide(person(2))
    assert names(graph, person(0)) == [person(3), person(4)]


def test_a_mask_shorter_than_the_people_leaves_the_rest_out() -> None:
    graph = graph_of(triangle())
    index = graph.index_of(person(3))
    assert index is not None
    assert names(graph, person(0), eligible=np.ones(index + 1, np.bool_)) == [person(3)]


def test_somebody_without_ties_gets_people_alike_and_then_people_lately_active() -> None:
    graph = graph_of(triangle())
    alike = graph.register(["alike", person(4), "new"])
    affinity = Affinity(alike[:2], np.array([0.9, 0.8]))
    found = names(graph, "new", affinity=affinity)
    assert found[:2] == ["alike", person(4)]
    assert set(found[2:]) == {person(n) for n in range(4)}
    assert "new" in names(graph, person(0), affinity=Affinity(alike[2:], np.array([0.1])))


def test_similar_people_the_graph_does_not_know_are_passed_over() -> None:
    graph = graph_of(triangle())
    strangers = Affinity(np.array([-1, 10**6, 3, 2**31 - 1], np.int32), np.ones(4))
    assert set(names(graph, person(0), affinity=strangers)) == {person(3), person(4)}
    with pytest.raises(ValueError, match="2 people but 1 values"):
        Affinity(np.zeros(2, np.int32), np.ones(1))


def test_nobody_is_found_for_the_unknown_and_for_no_places() -> None:
    graph = graph_of(triangle())
    assert names(graph, "nobody") == []
    assert names(graph, person(0), limit=0) == []
    assert RANKER.explain(graph, "nobody", ["x"], as_of_us=0) == RANKER.explain(graph, person(0), ["x"], as_of_us=0)


def test_ties_decay_to_the_instant_asked_for() -> None:
    records = [record(1, 0, [1], second=10), record(2, 1, [2], second=10), record(3, 0, [3], second=60)]
    records += [record(4, 3, [4], second=60), record(5, 3, [4], second=60)]
    graph = graph_of(records)
    early = RANKER.rank(graph, person(0), as_of_us=60 * SECOND, limit=5)
    late = RANKER.rank(graph, person(0), as_of_us=160 * SECOND, limit=5)
    assert [one.person_id for one in early.candidates] == [one.person_id for one in late.candidates]
    assert all(a.score > b.score for a, b in zip(early.candidates, late.candidates, strict=True))


def test_an_answer_tells_what_it_depends_on() -> None:
    graph = graph_of(triangle())
    graph.start_at(rewrite=3, next_offset=None)
    ranking = RANKER.rank(graph, person(0), as_of_us=AS_OF, limit=1)
    assert (ranking.position.sequence, ranking.position.rewrite) == (5, 3)
    assert (ranking.version, ranking.as_of_us, ranking.person_id) == (RANKER_VERSION, AS_OF, person(0))


def test_a_batch_answers_as_single_questions_do() -> None:
    graph = graph_of(triangle())
    asked = [person(0), "nobody", person(4)]
    affinities = {person(4): Affinity(graph.register([person(1)]), np.array([1.0]))}
    batch = RANKER.rank_batch(graph, asked, as_of_us=AS_OF, limit=3, affinities=affinities)
    assert batch == [RANKER.rank(graph, who, as_of_us=AS_OF, limit=3, affinity=affinities.get(who)) for who in asked]


def test_several_in_common_may_be_said_only_where_it_gives_nobody_away() -> None:
    def evidence(common: int, asker: int, candidate: int) -> Evidence:
        return Evidence(common=common, asker_ties=asker, candidate_ties=candidate, shared_kind=None, middle=())

    assert evidence(2, 5, 5).several_in_common
    assert not evidence(1, 9, 9).several_in_common
    assert not evidence(3, 4, 9).several_in_common
    assert not evidence(3, 9, 4).several_in_common


def test_among_strangers_those_lately_active_come_first() -> None:
    """No new tie closes a triangle: what decides is who makes new ties now."""
    records = [record(n, 2 * n, [2 * n + 1], second=n) for n in range(1, 60)]
    records += [record(59 + n, 2 * n, [2 * n + 3], second=60 + n) for n in range(1, 50)]
    graph = graph_of(records)
    graph.fold([record(109, 900, [901, 902, 903, 904], second=120)])
    ranking = RANKER.rank(graph, person(2), as_of_us=120 * SECOND, limit=3)
    assert ranking.candidates[0].person_id == person(900)


def test_a_question_during_a_fold_sees_the_graph_exactly_at_the_position_it_reports() -> None:
    records = [record(n, n % 40, [(n * k) % 97 + 100 for k in range(3, 40)], second=n) for n in range(1, 1_200)]
    graph = graph_of(records[:50])
    answers = []
    folding = threading.Thread(target=graph.fold, args=(records[50:],))
    folding.start()
    while folding.is_alive():
        answers.append(RANKER.rank(graph, person(1), as_of_us=AS_OF, limit=5))
    folding.join()
    between = {answer.position.sequence: answer for answer in answers}
    assert any(50 < sequence < len(records) for sequence in between)
    for sequence in sorted(between)[:: max(1, len(between) // 4)]:
        assert RANKER.rank(graph_of(records[:sequence]), person(1), as_of_us=AS_OF, limit=5) == between[sequence]
    assert graph.state_hash() == graph_of(records).state_hash()


def test_no_layout_of_what_is_passed_compiles_anything_anew() -> None:
    graph = graph_of(triangle())
    names(graph, person(0))
    mask = np.ones(2 * graph.people_count, np.bool_)[::2]
    mask.setflags(write=False)
    affinity = Affinity(np.arange(4)[::2], np.ones(2, np.float32))  # type: ignore[arg-type]
    names(graph, person(0), eligible=mask, affinity=affinity, include_met=np.bool_(True))
    assert len(candidates_of.signatures) == 1  # type: ignore[attr-defined]
    assert len(evidence_of.signatures) == 1  # type: ignore[attr-defined]
