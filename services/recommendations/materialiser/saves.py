"""The graph on disk: a restart goes on from the newest valid snapshot.

A graph under rules that records set (a source off, people merged) is not saved: it is made again from an older
snapshot and the records since, which set the rules again.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from services.platform.telemetry import get_logger
from services.recommendations.graph import Graph, GraphSettings, Snapshot, Snapshots
from services.recommendations.materialiser.records import Rules

logger = get_logger(__name__)


class Saves:
    """Snapshots in one directory; none without a directory."""

    def __init__(self, directory: Path | None, *, keep: int) -> None:
        self._snapshots = Snapshots(directory, keep=keep) if directory is not None else None
        self._saved: tuple[int, int] | None = None
        self._writing = asyncio.Lock()

    async def restore(self, settings: GraphSettings) -> Graph | None:
        """The newest snapshot that can be read."""
        if self._snapshots is None:
            return None
        graph, refused = await asyncio.to_thread(self._snapshots.restore, settings)
        for each in refused:
            logger.warning("snapshot_refused", file=each.path.name, reason=each.reason)
        if graph is not None:
            self._saved = (graph.position.rewrite, graph.position.sequence)
            logger.info("snapshot_restored", sequence=graph.position.sequence)
        return graph

    async def save(self, graph: Graph, rules: Rules) -> None:
        """Writes the graph if it changed since it was last written."""
        async with self._writing:
            at = (graph.position.rewrite, graph.position.sequence)
            if self._snapshots is None or rules != Rules() or at == self._saved:
                return
            try:
                await asyncio.to_thread(self._write, self._snapshots, graph)
            except OSError as error:
                logger.warning("snapshot_not_written", error=type(error).__name__, cause=error.strerror)
                return
            self._saved = at

    async def drop_before(self, rewrite: int) -> None:
        """Removes what still holds records that were rewritten since."""
        async with self._writing:
            if self._snapshots is not None:
                await asyncio.to_thread(self._snapshots.drop_before, rewrite)

    @staticmethod
    def _write(snapshots: Snapshots, graph: Graph) -> None:
        snapshots.write(Snapshot.take(graph))
