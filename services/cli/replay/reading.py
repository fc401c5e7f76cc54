"""A file of t,src,dst as interactions: rows with the same t and src are one message with several participants.

A repeated (t, src, dst) starts another one. An interaction is named by the number of its first line, so the same file
always gives the same interactions.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from services.cli.output import CommandFailed

MAXIMUM_PARTICIPANTS = 200
# Seconds on either side of 0: some 900 years, so that every shifted time is one of the calendar's.
FURTHEST = 30_000_000_000
UNREADABLE = (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error)


@dataclass(slots=True, kw_only=True)
class Event:
    """One interaction of the file; `time` in seconds as in the file, `line` of its first row, `rows` it was made of."""

    line: int
    time: int
    initiator: str
    participants: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return len(self.participants)


def open_text(path: Path) -> TextIO:
    """The file as text, unpacked where it is packed. Raises CommandFailed."""
    try:
        if path.suffix == ".gz":
            return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
        return path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise CommandFailed(f"{path}: {error.strerror}") from None


def checksum(path: Path) -> str:
    """16 hex digits of the file's SHA-256. Raises CommandFailed."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise CommandFailed(f"{path}: {error.strerror}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the file holds: rows, the people in order of first appearance, first and last time."""

    rows: int
    people: tuple[str, ...]
    first: int
    last: int


def rows(path: Path) -> Iterator[tuple[int, int, str, str]]:
    """Line number, t, src, dst of each row; empty lines are none. Raises CommandFailed naming line and column."""
    with open_text(path) as file:
        reader = csv.reader(file)
        try:
            header = next(reader, [])
            if header[:3] != ["t", "src", "dst"]:
                raise CommandFailed(f"{path}, line 1: the header must be t,src,dst")
            before = None
            for row in reader:
                if not row:
                    continue
                line = reader.line_num
                if len(row) != len(header):
                    raise CommandFailed(f"{path}, line {line}: {len(row)} cells where the header has {len(header)}")
                time, src, dst = seconds(row[0]), row[1], row[2]
                if time is None:
                    raise CommandFailed(f"{path}, line {line}: t: {row[0]!r} is not a number of seconds")
                for column, person in (("src", src), ("dst", dst)):
                    if not person or not person.isascii() or not person.isprintable() or " " in person:
                        text = f"{path}, line {line}: {column}: {person!r} is not printable ASCII without blanks"
                        raise CommandFailed(text)
                if src == dst:
                    raise CommandFailed(f"{path}, line {line}: dst: is the same as src")
                if before is not None and time < before:
                    raise CommandFailed(f"{path}, line {line}: t: {time} comes after {before}; sort the file by t")
                before = time
                yield line, time, src, dst
        except UNREADABLE as error:
            raise CommandFailed(f"{path}, after line {reader.line_num}: cannot be read: {error}") from None


def seconds(text: str) -> int | None:
    """Whole seconds, fractions cut off; None for what is no time."""
    try:
        time = int(float(text))
    except (ValueError, OverflowError):
        return None
    return time if abs(time) <= FURTHEST else None


def survey(path: Path) -> Summary:
    """Read the whole file once, so that nothing is sent of a file with a bad row. Raises CommandFailed."""
    people: dict[str, None] = {}
    count, first, last = 0, 0, 0
    for _, time, src, dst in rows(path):
        if not count:
            first = time
        count, last = count + 1, time
        people[src] = None
        people[dst] = None
    if not count:
        raise CommandFailed(f"{path}: has no rows")
    return Summary(rows=count, people=tuple(people), first=first, last=last)


def events(path: Path) -> Iterator[Event]:
    """The file's interactions in order. Raises CommandFailed."""
    now: int | None = None
    open_events: dict[str, list[Event]] = {}
    order: list[Event] = []
    for line, time, src, dst in rows(path):
        if time != now:
            yield from order
            now, open_events, order = time, {}, []
        fitting = next(
            (e for e in open_events.get(src, ()) if dst not in e.participants and e.rows < MAXIMUM_PARTICIPANTS), None
        )
        if fitting is None:
            fitting = Event(line=line, time=time, initiator=src)
            open_events.setdefault(src, []).append(fitting)
            order.append(fitting)
        fitting.participants.append(dst)
    yield from order


def labels(path: Path) -> dict[str, str]:
    """The group of each node, from a CSV of node,group. Raises CommandFailed naming the line."""
    found = {}
    with open_text(path) as file:
        reader = csv.reader(file)
        try:
            if next(reader, [])[:2] != ["node", "group"]:
                raise CommandFailed(f"{path}, line 1: the header must be node,group")
            for row in reader:
                if not row:
                    continue
                if len(row) < 2:
                    raise CommandFailed(f"{path}, line {reader.line_num}: group: is missing")
                found[row[0]] = row[1]
        except UNREADABLE as error:
            raise CommandFailed(f"{path}, after line {reader.line_num}: cannot be read: {error}") from None
    return found
