"""The in-memory graph of who knows whom: a pure function of the interactions journal, equal on every replica."""

from __future__ import annotations

from services.recommendations.graph.graph import Graph, GraphView
from services.recommendations.graph.model import (
    Digest,
    FoldRecord,
    FoldReport,
    GraphError,
    GraphSettings,
    Met,
    PersonFigures,
    Position,
    SequenceGap,
    Tie,
)
from services.recommendations.graph.snapshot import Snapshot, SnapshotError
from services.recommendations.graph.snapshots import SnapshotRefused, Snapshots
from services.recommendations.graph.warmup import warm

__all__ = [
    "Digest",
    "FoldRecord",
    "FoldReport",
    "Graph",
    "GraphError",
    "GraphSettings",
    "GraphView",
    "Met",
    "PersonFigures",
    "Position",
    "SequenceGap",
    "Snapshot",
    "SnapshotError",
    "SnapshotRefused",
    "Snapshots",
    "Tie",
    "warm",
]
