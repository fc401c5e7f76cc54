"""Snapshots: going on from one is the same to the bit as never having stopped; a bad file is passed over, with why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.recommendations.graph import (
    FoldRecord,
    Graph,
    GraphSettings,
    Position,
    Snapshot,
    SnapshotError,
    Snapshots,
)
from tests.unit.recommendations.graph_strategies import SETTINGS, journals, person, record


def graph_of(records: list[FoldRecord], **position: int) -> Graph:
    graph = Graph(SETTINGS)
    graph.fold(records, next_offset=position.get("offset"))
    graph.set_rewrite(position.get("rewrite", 0))
    return graph


@settings(deadline=None, max_examples=40)
@given(journals(people=30), st.data())
def test_a_restored_graph_goes_on_as_if_it_had_never_stopped(records: list[FoldRecord], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(records)))
    graph = graph_of(records[:cut])
    restored = Snapshot.decode(Snapshot.take(graph).encode(), SETTINGS)
    assert restored.state_hash() == graph.state_hash()
    restored.fold(records[cut:])
    assert restored.state_hash() == graph_of(records).state_hash()
    assert restored.digest == graph_of(records).digest


def test_crowded_rows_and_their_left_places_survive() -> None:
    records = [record(n, n % 7, [(n * n) % 90 + 10], second=n) for n in range(1, 1_500)]
    restored = Snapshot.decode(Snapshot.take(graph_of(records[:700])).encode(), SETTINGS)
    restored.fold(records[700:])
    assert restored.state_hash() == graph_of(records).state_hash()


def test_position_and_names_come_back() -> None:
    graph = graph_of([record(1, 0, [1]), FoldRecord(sequence=2, record_id="x", initiator="Zoë", participants=("李",))])
    graph.start_at(rewrite=4, next_offset=17)
    restored = Snapshot.decode(Snapshot.take(graph).encode(), SETTINGS)
    assert restored.position == Position(sequence=2, rewrite=4, next_offset=17)
    assert restored.met("Zoë", "李") is not None


def test_a_copy_does_not_change_with_the_graph() -> None:
    graph = graph_of([record(1, 0, [1])])
    snapshot = Snapshot.take(graph)
    graph.fold([record(2, 0, [2])])
    assert Snapshot.decode(snapshot.encode(), SETTINGS).position.sequence == 1


def test_hidden_people_are_not_part_of_a_snapshot() -> None:
    graph = graph_of([record(1, 0, [1])])
    graph.hide(person(1))
    assert not Snapshot.decode(Snapshot.take(graph).encode(), SETTINGS).is_hidden(person(1))


def test_the_newest_are_kept_and_the_newest_is_restored(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path / "graph", keep=3)
    assert snapshots.restore(SETTINGS) == (None, [])
    graph = Graph(SETTINGS)
    for sequence in range(1, 6):
        graph.fold([record(sequence, 0, [sequence])])
        snapshots.write(Snapshot.take(graph))
    assert len(list((tmp_path / "graph").iterdir())) == 3
    restored, refused = snapshots.restore(SETTINGS)
    assert restored is not None
    assert restored.state_hash() == graph.state_hash()
    assert refused == []


def test_a_later_rewrite_counts_as_newer_than_a_higher_sequence(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    snapshots.write(Snapshot.take(graph_of([record(1, 0, [1]), record(2, 0, [2])])))
    snapshots.write(Snapshot.take(graph_of([record(1, 0, [1])], rewrite=1)))
    restored, _ = snapshots.restore(SETTINGS)
    assert restored is not None
    assert restored.position == Position(sequence=1, rewrite=1)
    assert snapshots.drop_before(1) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_damaged_and_foreign_files_are_passed_over_with_their_reasons(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path, keep=9)
    graph = graph_of([record(1, 0, [1, 2])])
    good = snapshots.write(Snapshot.take(graph))
    data = good.read_bytes()
    bad = {
        "checksum": data[:-40],
        "no graph snapshot": b"",
        "it is no graph": b"x" * 500,
        "format 9": data[:8] + b"\x09\x00" + data[10:],
        "it is damaged": bytes([*data[:200], data[200] ^ 1, *data[201:]]),
        "organisation 'other'": Snapshot.take(Graph(replace(SETTINGS, organisation="other"))).encode(),
        "other settings": Snapshot.take(Graph(replace(SETTINGS, half_life_days=1.0))).encode(),
    }
    for number, content in enumerate(bad.values(), 2):
        snapshots.write_encoded(content, 0, number)
    restored, refused = snapshots.restore(SETTINGS)
    assert restored is not None
    assert restored.state_hash() == graph.state_hash()
    reasons = [one.reason for one in reversed(refused)]
    assert len(reasons) == len(bad)
    assert "checksum" in reasons[0]
    assert "no graph snapshot" in reasons[1]
    assert "no graph snapshot" in reasons[2]
    assert "format 9" in reasons[3]
    assert "checksum" in reasons[4]
    assert "organisation 'other'" in reasons[5]
    assert "other settings" in reasons[6]


@settings(deadline=None, max_examples=60)
@given(st.integers(0), st.integers(1, 255))
def test_one_wrong_byte_anywhere_is_noticed(place: int, change: int) -> None:
    data = bytearray(Snapshot.take(graph_of([record(1, 0, [1, 2])])).encode())
    data[place % len(data)] ^= change
    with pytest.raises(SnapshotError):
        Snapshot.decode(bytes(data), SETTINGS)


def test_what_a_crash_left_half_written_is_neither_read_nor_kept(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    (tmp_path / f"{0:010d}-{9:020d}.123.tmp").write_bytes(b"half")
    assert snapshots.restore(SETTINGS) == (None, [])
    snapshots.write(Snapshot.take(graph_of([record(1, 0, [1])])))
    assert [path.suffix for path in tmp_path.iterdir()] == [".graph"]


def test_a_half_life_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="half_life_days"):
        GraphSettings(organisation="acme", half_life_days=0.0)
