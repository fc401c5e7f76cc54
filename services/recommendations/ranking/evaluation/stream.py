"""An interaction stream from a file: rows, the windows they are cut into, and the records that are folded."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.recommendations.graph import FoldRecord
from services.recommendations.graph.compiled import LongArray
from services.recommendations.graph.numbers import MICROSECONDS

CUTS = range(30, 100, 5)
TRAINING_UNTIL = 60
REPORTED_FROM = 70


class EvaluationError(Exception):
    """The file cannot be evaluated; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Rows in the order of time: second, who, with whom."""

    times: LongArray
    pairs: list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """start < t <= end, in seconds; `number` counts all cuts from 0."""

    number: int
    start: int
    end: int
    trains: bool
    reported: bool


def rows_of(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The named columns of each row of a CSV file, gzipped or not. Raises EvaluationError naming the line."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        missing = [name for name in columns if name not in header]
        if missing:
            raise EvaluationError(f"{path}: no column {', '.join(missing)}")
        places = [header.index(name) for name in columns]
        for row in reader:
            if len(row) != len(header):
                raise EvaluationError(f"{path}: line {reader.line_num} has {len(row)} fields, not {len(header)}")
            yield tuple([row[place] for place in places])


def read_stream(path: Path) -> Stream:
    """Reads t,src,dst, sorted by t. Raises EvaluationError."""
    times, pairs = [], []
    for line, (time, source, target) in enumerate(rows_of(path, ("t", "src", "dst")), 2):
        try:
            times.append(int(float(time)))
        except ValueError as error:
            raise EvaluationError(f"{path}: line {line}: t is no number: {time!r}") from error
        pairs.append((source, target))
    if len(times) < 100:
        raise EvaluationError(f"{path}: {len(times)} rows are too few to be cut into windows")
    seconds = np.array(times, np.int64)
    backward = np.flatnonzero(np.diff(seconds) < 0)
    if len(backward):
        raise EvaluationError(f"{path}: line {backward[0] + 3} is earlier than the line before it")
    return Stream(seconds, pairs)


def windows_of(times: LongArray) -> list[Window]:
    """The windows that are not empty."""
    count = len(times)
    starts = [int(times[min(count - 1, int(count * cut / 100))]) for cut in CUTS]
    ends = [*starts[1:], int(times[-1])]
    return [
        Window(number=number, start=start, end=end, trains=cut < TRAINING_UNTIL, reported=cut >= REPORTED_FROM)
        for number, (cut, start, end) in enumerate(zip(CUTS, starts, ends, strict=True))
        if end > start
    ]


def records_of(stream: Stream) -> list[FoldRecord]:
    """Rows with the same t and src are one interaction with several participants; a row repeated starts another."""
    found: list[tuple[int, str, list[str]]] = []
    open_ones: dict[str, list[str]] = {}
    now = None
    for time, (source, target) in zip(stream.times.tolist(), stream.pairs, strict=True):
        if time != now:
            open_ones, now = {}, time
        participants = open_ones.get(source)
        if participants is None or target in participants:
            participants = open_ones[source] = []
            found.append((time, source, participants))
        participants.append(target)
    return [
        FoldRecord(
            sequence=sequence,
            record_id=str(sequence),
            time_us=time * MICROSECONDS,
            initiator=source,
            participants=tuple(participants),
        )
        for sequence, (time, source, participants) in enumerate(found, 1)
    ]


@dataclass(frozen=True, slots=True)
class Truth:
    """First contact of each pair (smaller id first) and first sight of each person, in seconds."""

    first: dict[tuple[str, str], int]
    seen: dict[str, int]

    @classmethod
    def of(cls, stream: Stream) -> Truth:
        first: dict[tuple[str, str], int] = {}
        seen: dict[str, int] = {}
        for time, (a, b) in zip(stream.times.tolist(), stream.pairs, strict=True):
            if a != b:
                first.setdefault((a, b) if a < b else (b, a), time)
            seen.setdefault(a, time)
            seen.setdefault(b, time)
        return cls(first, seen)

    def within(self, window: Window) -> dict[str, set[str]]:
        """person → everybody it first met within the window, both seen before."""
        met: dict[str, set[str]] = defaultdict(set)
        for (a, b), time in self.first.items():
            if window.start < time <= window.end and max(self.seen[a], self.seen[b]) <= window.start:
                met[a].add(b)
                met[b].add(a)
        return met
