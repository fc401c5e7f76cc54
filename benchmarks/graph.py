"""The graph by itself: folded participations and pairs a second, time of a question, of a snapshot, and memory.

python -m benchmarks.graph [--people N] [--interactions N] [--json]
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from services.recommendations.graph import FoldRecord, Graph, GraphSettings, Snapshot, Snapshots
from services.recommendations.graph.numbers import DAY_US
from services.recommendations.graph.roster import Roster, columns_of
from services.recommendations.graph.state import used_columns
from services.recommendations.ranking import TwoHopRanker, warm

BATCH = 1_000
ASKED = 500
TEAM = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Rates per second, times in milliseconds; `conversion_share` is that of the fold's time spent in Python."""

    people: int
    interactions: int
    participations: int
    warm_seconds: float
    folded_participations_per_second: int
    folded_interactions_per_second: int
    conversion_share: float
    question_p50_ms: float
    question_p99_ms: float
    snapshot_write_ms: float
    snapshot_restore_ms: float
    megabytes: float


def journal(people: int, interactions: int) -> list[FoldRecord]:
    """Mails inside teams, now and then beyond; one to five recipients; always the same."""
    draw = np.random.default_rng(7)
    senders = draw.integers(0, people, interactions)
    sizes = draw.choice([1, 1, 1, 2, 3, 5], interactions)
    steps = np.where(
        draw.random((interactions, 5)) < 0.9,
        draw.integers(1, TEAM, (interactions, 5)),
        draw.integers(1, people, (interactions, 5)),
    )
    names = [f"person-{number:07}" for number in range(people)]
    return [
        FoldRecord(
            sequence=sequence,
            record_id=f"mail-{sequence}",
            time_us=sequence * 60_000_000,
            kind=2,
            initiator=names[sender],
            participants=tuple([names[(sender + step) % people] for step in row[:size]]),
        )
        for sequence, (sender, size, row) in enumerate(
            zip(senders.tolist(), sizes.tolist(), steps.tolist(), strict=True), 1
        )
    ]


def measure(people: int, interactions: int) -> Result:
    warm_seconds = warm()
    records = journal(people, interactions)
    batches = [records[begin : begin + BATCH] for begin in range(0, len(records), BATCH)]
    settings = GraphSettings(organisation="benchmark")
    graph = Graph(settings)
    started = time.perf_counter()
    for batch in batches:
        graph.fold(batch)
    folding = time.perf_counter() - started
    started = time.perf_counter()
    roster = Roster()
    for batch in batches:
        columns_of(batch, roster, frozenset())
    converting = time.perf_counter() - started
    ranker = TwoHopRanker()
    times = []
    for number in np.random.default_rng(8).integers(0, graph.people_count, ASKED).tolist():
        started = time.perf_counter()
        ranker.rank(graph, graph.person_at(number), as_of_us=records[-1].time_us + DAY_US, limit=10)
        times.append((time.perf_counter() - started) * 1e3)
    with TemporaryDirectory() as directory:
        snapshots = Snapshots(Path(directory))
        started = time.perf_counter()
        snapshots.write(Snapshot.take(graph))
        writing = time.perf_counter() - started
        started = time.perf_counter()
        snapshots.restore(settings)
        restoring = time.perf_counter() - started
    with graph.reading() as view:
        size = sum(column.nbytes for _, column in used_columns(view.state, view.people))
    participations = sum(len(record.participants) for record in records)
    p50, p99 = np.percentile(times, [50, 99]).tolist()
    return Result(
        people=graph.people_count,
        interactions=len(records),
        participations=participations,
        warm_seconds=round(warm_seconds, 2),
        folded_participations_per_second=round(participations / folding),
        folded_interactions_per_second=round(len(records) / folding),
        conversion_share=round(converting / folding, 2),
        question_p50_ms=round(p50, 3),
        question_p99_ms=round(p99, 3),
        snapshot_write_ms=round(writing * 1e3, 1),
        snapshot_restore_ms=round(restoring * 1e3, 1),
        megabytes=round(size / 1e6, 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--interactions", type=int, default=200_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = asdict(measure(options.people, options.interactions))
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:36} {value:>14,}")


if __name__ == "__main__":
    main()
