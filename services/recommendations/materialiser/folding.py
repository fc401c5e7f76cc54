"""Folds runs of records into a graph by the rule of sequences: at or below H ignored, H+1 applied, above that a gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from acquaint.interactions.v1.interaction_service_pb2 import JournalEntry

from services.recommendations.graph import FoldRecord, Graph
from services.recommendations.materialiser.records import Effects, Entry, Rules, Unreadable, of_journal, to_fold


class Journal(Protocol):
    """The journal of interactions: every record by its sequence, contiguous from 1."""

    async def end(self) -> int:
        """The last sequence given out, by a linearizable read. Raises DependencyUnavailable."""
        ...

    def read(self, after: int) -> AsyncIterator[Sequence[JournalEntry]]:
        """The records after a sequence, in order, to the end as it is now. Raises DependencyUnavailable."""
        ...


class JournalNotContiguous(Exception):
    """The journal lacks a record, or the topic is ahead of it: nothing beyond can be folded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """What became of a run: how many entries are done with, what they ask for, and why it stopped before its end."""

    done: int
    effects: Effects
    missing: bool = False
    unreadable: Unreadable | None = None


def fold(graph: Graph, rules: Rules, entries: Iterable[Entry], effects: Effects) -> Folded:
    """Folds entries until the end, a gap, or one that cannot be read. Blocking: call it in a thread."""
    records: list[FoldRecord] = []
    expected = graph.position.sequence + 1
    done, missing, unreadable = 0, False, None
    for entry in entries:
        if entry.sequence is None or entry.sequence == expected:
            try:
                records.append(to_fold(entry, rules, effects))
            except Unreadable as error:
                unreadable = error
                break
            expected += 1
        elif entry.sequence > expected:
            missing = True
            break
        done += 1
    if records:
        graph.fold(records)
    return Folded(done=done, effects=effects, missing=missing, unreadable=unreadable)


async def fold_journal(graph: Graph, rules: Rules, journal: Journal, effects: Effects) -> None:
    """Folds what the journal holds above the graph's position, to its end as it is now.

    Raises JournalNotContiguous, Unreadable, DependencyUnavailable; what was folded before stays.
    """
    async for chunk in journal.read(graph.position.sequence):
        folded = await asyncio.to_thread(_fold_chunk, graph, rules, chunk, effects)
        if folded.missing:
            raise JournalNotContiguous(f"the journal does not hold record {graph.position.sequence + 1}")
        if folded.unreadable is not None:
            raise folded.unreadable


def _fold_chunk(graph: Graph, rules: Rules, chunk: Sequence[JournalEntry], effects: Effects) -> Folded:
    return fold(graph, rules, [of_journal(entry) for entry in chunk], effects)
