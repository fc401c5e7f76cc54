"""The offline evaluation: the protocol's windows, its figures against ones worked out by hand, and clear refusals."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from services.recommendations.ranking import TwoHopRanker
from services.recommendations.ranking.evaluation import EvaluationError, evaluate
from services.recommendations.ranking.evaluation.figures import Question, figures_of
from services.recommendations.ranking.evaluation.stream import Truth, read_stream, records_of, windows_of


def write(path: Path, rows: list[tuple[int, str, str]]) -> Path:
    text = "t,src,dst\n" + "".join(f"{t},{a},{b}\n" for t, a, b in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def circles(seed: int = 1, count: int = 2_000) -> list[tuple[int, str, str]]:
    """Four teams of fifteen; nearly every mail stays inside one."""
    draw = random.Random(seed)
    rows = []
    for t in range(count):
        team = draw.randrange(4)
        a = draw.randrange(15)
        b = (a + draw.choice([1, 2, 3, 5, 7])) % 15 if draw.random() < 0.95 else draw.randrange(15)
        other = team if draw.random() < 0.98 else draw.randrange(4)
        rows.append((t * 60, f"{team}-{a}", f"{other}-{b}"))
    return rows


def test_rows_of_one_sender_and_instant_are_one_interaction(tmp_path: Path) -> None:
    rows = [(1, "a", "b"), (1, "a", "c"), (1, "d", "b"), (1, "a", "b"), (1, "a", "d"), (2, "a", "b")]
    rows += [(3 + n, "x", "y") for n in range(100)]
    records = records_of(read_stream(write(tmp_path / "e.csv", rows)))
    assert [(one.initiator, one.participants) for one in records[:4]] == [
        ("a", ("b", "c")),
        ("d", ("b",)),
        ("a", ("b", "d")),
        ("a", ("b",)),
    ]
    assert [one.sequence for one in records[:4]] == [1, 2, 3, 4]


def test_windows_are_cut_at_every_twentieth_of_the_rows(tmp_path: Path) -> None:
    stream = read_stream(write(tmp_path / "e.csv.gz", [(n, "a", "b") for n in range(200)]))
    windows = windows_of(stream.times)
    assert [window.start for window in windows[:3]] == [60, 70, 80]
    assert windows[-1].end == 199
    assert [window.number for window in windows if window.reported] == [8, 9, 10, 11, 12, 13]
    assert [window.number for window in windows if window.trains] == [0, 1, 2, 3, 4, 5]


def test_truth_is_first_contacts_between_people_seen_before(tmp_path: Path) -> None:
    rows = [(n, "a", "b") for n in range(100)] + [(100, "c", "d")] * 50
    rows += [(160, "c", "a"), (161, "a", "c"), (162, "c", "new")] + [(163, "a", "a")] * 10
    stream = read_stream(write(tmp_path / "e.csv", rows))
    window = next(one for one in windows_of(stream.times) if one.start <= 160 and one.end > 160)
    assert Truth.of(stream).within(window) == {"a": {"c"}, "c": {"a"}}


def test_figures_are_those_worked_out_by_hand() -> None:
    figures = figures_of(
        [Question("a", ["x", "y", "z"], {"y"}), Question("b", ["x"], {"q"})],
        ["a", "b", "x", "y", "z", "q"],
        {"a": "1", "x": "1", "y": "2", "b": "2"},
    )
    assert (figures.queries, figures.people, figures.hit10, figures.recall10) == (2, 2, 0.5, 0.5)
    assert (figures.map10, figures.ndcg10) == (0.25, 0.3155)
    assert (figures.coverage, figures.cross_group_share) == (0.5, 0.6667)
    assert figures.exposure_gini == 0.5833


def test_the_ranker_finds_team_mates_and_dumps_valid_lists(tmp_path: Path) -> None:
    events = write(tmp_path / "e.csv", circles())
    labels = tmp_path / "labels.csv"
    labels.write_text("node,group\n" + "".join(f"{t}-{n},{t}\n" for t in range(4) for n in range(15)))
    asked: list[int] = []
    figures = evaluate(
        events,
        TwoHopRanker(),
        labels=labels,
        dump=tmp_path / "lists.csv",
        progress=lambda window: asked.append(window.number),
    )
    assert asked == [8, 9, 10, 11, 12, 13]
    assert figures.cross_group_share is not None
    assert figures.cross_group_share < 0.75
    lines = (tmp_path / "lists.csv").read_text().splitlines()
    assert lines[0] == "window,person,rank,candidate"
    stream = read_stream(events)
    truth = Truth.of(stream)
    first = truth.first
    reported = [window for window in windows_of(stream.times) if window.reported]
    assert figures.queries == sum(len(truth.within(window)) for window in reported) > 0
    starts = {window.number: window.start for window in windows_of(stream.times)}
    for line in lines[1:]:
        window, who, rank, candidate = line.split(",")
        assert who != candidate
        assert 1 <= int(rank) <= 10
        assert first.get((min(who, candidate), max(who, candidate)), 10**9) > starts[int(window)]
    assert evaluate(events, TwoHopRanker(), labels=labels) == figures


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("t,src\n1,a\n", "no column dst"),
        ("t,src,dst\n1,a\n", "line 2 has 2 fields"),
        ("t,src,dst\nsoon,a,b\n", "line 2: t is no number"),
        ("t,src,dst\n5,a,b\n4,a,b\n" + "6,a,b\n" * 100, "line 3 is earlier"),
        ("t,src,dst\n" + "5,a,b\n" * 5, "too few"),
        ("t,src,dst\n" + "".join(f"{n},a,b\n" for n in range(200)), "nobody met anybody"),
    ],
)
def test_a_file_that_cannot_be_used_says_where(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "e.csv"
    path.write_text(content)
    with pytest.raises(EvaluationError, match=complaint):
        evaluate(path, TwoHopRanker())
