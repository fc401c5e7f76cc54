"""The replay itself: fold up to a cut, ask for everybody who then met somebody new, compare, go on."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from statistics import median

from services.recommendations.graph import Graph, GraphSettings
from services.recommendations.graph.numbers import MICROSECONDS
from services.recommendations.ranking.evaluation.figures import TOP, Figures, Question, figures_of
from services.recommendations.ranking.evaluation.stream import (
    EvaluationError,
    Truth,
    Window,
    read_stream,
    records_of,
    rows_of,
    windows_of,
)
from services.recommendations.ranking.interface import Ranker

__all__ = ["EvaluationError", "evaluate", "half_life_days"]

DAY = 86_400
# Ties that fade to a half within five windows serve a mail archive of years and a week of badges alike.
HALF_LIFE_WINDOWS = 5


def half_life_days(windows: list[Window]) -> float:
    """Five times the median length of the windows that may train: chosen without a look at those reported."""
    return HALF_LIFE_WINDOWS * median(window.end - window.start for window in windows if window.trains) / DAY


def evaluate(
    events: Path,
    ranker: Ranker,
    *,
    labels: Path | None = None,
    half_life: float | None = None,
    dump: Path | None = None,
    progress: Callable[[Window], None] | None = None,
) -> Figures:
    """Figures of `ranker` on the reported windows of `events` (columns t,src,dst; gzipped or not).

    `labels`: CSV with node,group. `half_life` in days, by default chosen from the windows that may train. `dump`:
    where to write the lists (window,person,rank,candidate). `progress` is called before each window asked.
    Raises EvaluationError when a file cannot be used.
    """
    stream = read_stream(events)
    groups = {row[0]: row[1] for row in rows_of(labels, ("node", "group"))} if labels else {}
    windows = windows_of(stream.times)
    truth = Truth.of(stream)
    records = records_of(stream)
    graph = Graph(GraphSettings(organisation="", half_life_days=half_life or half_life_days(windows)))
    questions: list[Question] = []
    lists: list[tuple[int, str, int, str]] = []
    folded = 0
    for window in windows:
        if not window.reported:
            continue
        if progress:
            progress(window)
        known = folded
        while known < len(records) and records[known].time_us <= window.start * MICROSECONDS:
            known += 1
        graph.fold(records[folded:known])
        folded = known
        for person, wanted in sorted(truth.within(window).items()):
            ranking = ranker.rank(graph, person, as_of_us=window.start * MICROSECONDS, limit=TOP)
            answer = [candidate.person_id for candidate in ranking.candidates]
            questions.append(Question(person, answer, wanted))
            lists += [(window.number, person, rank, candidate) for rank, candidate in enumerate(answer, 1)]
    if not questions:
        raise EvaluationError(f"{events}: nobody met anybody for the first time in the windows reported")
    if dump:
        with dump.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["window", "person", "rank", "candidate"])
            writer.writerows(lists)
    return figures_of(questions, list(truth.seen), groups)
