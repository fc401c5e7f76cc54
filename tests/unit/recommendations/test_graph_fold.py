"""The fold: what it keeps of each interaction, and that nothing but the order of sequences decides it."""

from __future__ import annotations

import math
from dataclasses import replace
from hashlib import blake2b

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.recommendations.graph import Digest, FoldRecord, Graph, GraphSettings, SequenceGap
from tests.unit.recommendations.graph_oracle import Oracle, pair
from tests.unit.recommendations.graph_strategies import SECOND, SETTINGS, journals, person, record

AS_OF = 300 * SECOND


def folded(records: list[FoldRecord], settings: GraphSettings = SETTINGS) -> Graph:
    graph = Graph(settings)
    graph.fold(records)
    return graph


def close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-250)


def same_as_the_oracle(graph: Graph, oracle: Oracle, as_of_us: int) -> None:
    for who, (first, last) in oracle.seen.items():
        figures = graph.person(who, as_of_us=as_of_us)
        assert figures is not None
        assert (figures.first_seen_us, figures.last_active_us) == (first * SECOND, last * SECOND)
        assert figures.ties == len(oracle.peers(who))
        assert close(figures.strength, oracle.strength[who])
        assert close(figures.new_ties, oracle.new_ties[who])
        ties = {tie.person_id: tie for tie in graph.ties(who, as_of_us=as_of_us)}
        assert set(ties) == oracle.peers(who)
        for other, tie in ties.items():
            assert close(tie.strength, oracle.tie[pair(who, other)])
            assert (tie.sent, tie.received) == (oracle.sent[who, other], oracle.sent[other, who])
            assert tie.last_us == oracle.met[pair(who, other)][1] * SECOND
        for other in oracle.seen:
            met = graph.met(who, other)
            known = oracle.met.get(pair(who, other))
            assert (met is None) == (known is None)
            if met and known:
                assert (met.first_us, met.last_us) == (known[0] * SECOND, known[1] * SECOND)


@settings(deadline=None, max_examples=60)
@given(journals())
def test_a_fold_keeps_what_a_slow_one_keeps(records: list[FoldRecord]) -> None:
    same_as_the_oracle(folded(records), Oracle(SETTINGS, AS_OF).fold(records), AS_OF)


@settings(deadline=None, max_examples=30)
@given(journals(seconds=30_000, records=25))
def test_decay_over_thousands_of_half_lives_loses_nothing_but_what_is_nought(records: list[FoldRecord]) -> None:
    latest = max((one.time_us for one in records), default=0)
    same_as_the_oracle(folded(records), Oracle(SETTINGS, latest).fold(records), latest)


@settings(deadline=None, max_examples=60)
@given(journals(), st.data())
def test_batches_make_no_difference_to_any_bit(records: list[FoldRecord], data: st.DataObject) -> None:
    graph = Graph(SETTINGS)
    graph.register(data.draw(st.lists(st.integers(0, 20).map(person))))
    rest = records
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        graph.fold(rest[:size])
        rest = rest[size:]
    whole = folded(records)
    assert graph.state_hash() == whole.state_hash()
    assert graph.digest == whole.digest


@settings(deadline=None, max_examples=40)
@given(journals(), st.randoms())
def test_the_order_of_arrival_changes_strengths_by_rounding_only(records: list[FoldRecord], random: object) -> None:
    shuffled = list(records)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    late = folded([one._replace(sequence=sequence) for sequence, one in enumerate(shuffled, 1)])
    early = folded(records)
    for who in {name for one in records for name in (one.initiator, *one.participants)}:
        there = {tie.person_id: tie.strength for tie in late.ties(who, as_of_us=AS_OF)}
        here = {tie.person_id: tie.strength for tie in early.ties(who, as_of_us=AS_OF)}
        assert there.keys() == here.keys()
        assert all(math.isclose(there[other], here[other], rel_tol=1e-6) for other in here)


def test_any_difference_of_content_shows_in_the_hash() -> None:
    records = [record(1, 0, [1, 2]), record(2, 1, [3])]
    hashes = {
        folded(variant).state_hash()
        for variant in (
            records,
            records[:1],
            [records[0], records[1]._replace(kind=2)],
            [records[0], records[1]._replace(time_us=records[1].time_us + 1)],
            [records[0], records[1]._replace(initiator=person(4))],
            [records[0], records[1]._replace(record_id="other")],
        )
    }
    assert len(hashes) == 6
    assert folded(records).state_hash() == folded(records).state_hash()


def test_what_was_folded_before_is_ignored_and_a_gap_is_refused_whole() -> None:
    graph = folded([record(1, 0, [1])])
    report = graph.fold([record(1, 0, [1]), record(2, 1, [2])], next_offset=7)
    assert (report.applied, report.ignored, report.position.sequence, report.position.next_offset) == (1, 1, 2, 7)
    before = graph.state_hash()
    with pytest.raises(SequenceGap) as refused:
        graph.fold([record(3, 2, [3]), record(5, 2, [4])], next_offset=9)
    assert (refused.value.expected, refused.value.found) == (4, 5)
    assert graph.state_hash() == before
    assert graph.position.next_offset == 7


def test_the_digest_counts_and_sums_the_hashes_of_the_ids_folded() -> None:
    records = [record(1, 0, [1]), FoldRecord(sequence=2, record_id=""), record(3, 0, [0]), record(4, None, [])]
    graph = folded(records)
    expected = sum(int.from_bytes(blake2b(f"i{n}".encode(), digest_size=8).digest(), "little") for n in (1, 3, 4))
    assert graph.digest == Digest(count=3, hash_sum=expected % 2**64)
    assert graph.position.sequence == 4


def test_a_source_left_out_moves_the_position_only() -> None:
    chosen = replace(SETTINGS, left_out_sources=frozenset({"calendar"}))
    graph = folded([record(1, 0, [1])._replace(source_id="calendar"), record(2, 0, [2])], chosen)
    assert graph.met(person(0), person(1)) is None
    assert graph.met(person(0), person(2)) is not None
    assert (graph.position.sequence, graph.digest.count) == (2, 1)


def test_two_hundred_participants_are_contacts_but_no_company() -> None:
    graph = folded([record(1, 0, list(range(1, 201)))])
    figures = graph.person(person(0), as_of_us=0)
    assert figures is not None
    assert figures.ties == 200
    assert len(graph.ties(person(0), as_of_us=0)) == 64
    assert all(graph.met(person(0), person(other)) for other in range(1, 201))
    with graph.reading() as view:
        assert view.state.company.length.sum() == 0


def test_company_is_kept_up_to_fifty_and_shares_its_weight() -> None:
    graph = folded([record(1, None, list(range(50)))])
    with graph.reading() as view:
        company = view.state.company
        row = slice(int(company.offset[0]), int(company.offset[0] + company.length[0]))
        assert company.length[0] == 49
        assert math.isclose(float(company.weight[row].sum()) * view.decay(100 * SECOND), 1.0)
        assert view.state.pairs.known[0] == 0


def test_a_full_row_gives_up_its_weakest_tie_and_never_for_a_weaker_one() -> None:
    strongest = [record(n, 0, [n], second=1_000 + n) for n in range(1, 65)]
    graph = folded(strongest)
    graph.fold([record(65, 0, [100], second=900)])
    assert person(100) not in {tie.person_id for tie in graph.ties(person(0), as_of_us=0)}
    assert graph.met(person(0), person(100)) is not None
    assert {tie.person_id for tie in graph.ties(person(100), as_of_us=0)} == {person(0)}
    graph.fold([record(66, 0, [101], second=1_100)])
    names = {tie.person_id for tie in graph.ties(person(0), as_of_us=0)}
    assert person(1) not in names
    assert person(101) in names
    assert len(names) == 64


@settings(deadline=None, max_examples=15)
@given(st.lists(st.tuples(st.integers(1, 90), st.integers(0, 60)), min_size=100, max_size=200), st.integers(1, 99))
def test_crowded_rows_are_equal_to_the_bit_whatever_the_batches(drawn: list[tuple[int, int]], cut: int) -> None:
    records = [record(n, 0, [other], second=second) for n, (other, second) in enumerate(drawn, 1)]
    graph = folded(records[:cut])
    graph.fold(records[cut:])
    assert graph.state_hash() == folded(records).state_hash()


def test_equal_ties_are_listed_by_person_id() -> None:
    graph = folded([record(1, 0, [5, 3, 9, 1])])
    assert [tie.person_id for tie in graph.ties(person(0), as_of_us=0, limit=3)] == [person(1), person(3), person(5)]


def test_the_kind_told_of_a_tie_is_that_of_its_latest_interaction() -> None:
    graph = folded([record(1, 0, [1], second=50, kind=4), record(2, 0, [1], second=20, kind=2)])
    (tie,) = graph.ties(person(0), as_of_us=0)
    assert (tie.kind, tie.last_us) == (4, 50 * SECOND)


def test_a_hidden_person_has_no_ties_and_is_in_nobodys() -> None:
    graph = folded([record(1, 0, [1, 2])])
    graph.hide(person(1))
    assert graph.ties(person(1), as_of_us=0) == ()
    assert [tie.person_id for tie in graph.ties(person(0), as_of_us=0)] == [person(2)]
    graph.unhide(person(1))
    assert len(graph.ties(person(0), as_of_us=0)) == 2


def test_many_people_and_ties_outgrow_what_was_reserved() -> None:
    size = 3_000
    records = [record(n + 1, n, [(n + step) % size for step in (1, 2, 3, 5, 8, 13, 21, 34, 55)]) for n in range(size)]
    graph = folded(records)
    assert graph.people_count == size
    for n in (0, 1, 1_500, 2_999):
        figures = graph.person(person(n), as_of_us=0)
        assert figures is not None
        assert figures.ties == 18
        assert len(graph.ties(person(n), as_of_us=0)) == 18


def test_unknown_people_have_nothing() -> None:
    graph = folded([record(1, 0, [1])])
    graph.register(["new"])
    for name in ("nobody", "new", ""):
        assert graph.person(name, as_of_us=0) is None
        assert graph.ties(name, as_of_us=0) == ()
        assert graph.met(name, person(0)) is None
    assert graph.index_of("new") == 2
    assert graph.person_at(2) == "new"
    assert graph.index_of("") is None
