"""Compiles every kernel of the graph, or loads it from the cache, before the first request has to wait for it."""

from __future__ import annotations

import time

from services.recommendations.graph.graph import Graph
from services.recommendations.graph.model import FoldRecord, GraphSettings
from services.recommendations.graph.snapshot import Snapshot


def warm() -> float:
    """Folds, reads, copies and restores a small graph; returns the seconds it took."""
    started = time.perf_counter()
    settings = GraphSettings(organisation="")
    graph = Graph(settings)
    graph.fold([FoldRecord(sequence=1, record_id="1", initiator="a", participants=("b", "c"))])
    graph.ties("a", as_of_us=0)
    graph.met("a", "b")
    Snapshot.decode(Snapshot.take(graph).encode(), settings)
    return time.perf_counter() - started
