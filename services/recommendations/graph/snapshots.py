"""A directory of snapshots: a crash while writing leaves the older ones, a damaged one never hides a good one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from services.recommendations.graph.graph import Graph
from services.recommendations.graph.model import GraphSettings
from services.recommendations.graph.snapshot import Snapshot, SnapshotError

_SUFFIX = ".graph"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRefused:
    """A file that was passed over, and why."""

    path: Path
    reason: str


class Snapshots:
    """The newest `keep` snapshots below `directory`, named by rewrite and sequence."""

    def __init__(self, directory: Path, *, keep: int = 3) -> None:
        self._directory = directory
        self._keep = keep

    def write(self, snapshot: Snapshot) -> Path:
        """Writes it (temporary file, fsync, rename, fsync of the directory), then drops all but the newest."""
        return self._write(snapshot.parts(), snapshot.position.rewrite, snapshot.position.sequence)

    def write_encoded(self, data: bytes, rewrite: int, sequence: int) -> Path:
        """The same for a snapshot that came encoded from somewhere else."""
        return self._write([data], rewrite, sequence)

    def _write(self, parts: Iterable[bytes | memoryview], rewrite: int, sequence: int) -> Path:
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f"{rewrite:010d}-{sequence:020d}{_SUFFIX}"
        unfinished = path.with_suffix(f".{os.getpid()}.tmp")
        with unfinished.open("wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        for old in self._newest_first()[self._keep :]:
            old.unlink(missing_ok=True)
        for left in self._directory.glob("*.tmp"):
            left.unlink(missing_ok=True)
        return path

    def restore(self, settings: GraphSettings) -> tuple[Graph | None, list[SnapshotRefused]]:
        """The graph of the newest snapshot that can be read, None without one; and those passed over on the way."""
        refused: list[SnapshotRefused] = []
        for path in self._newest_first():
            try:
                return Snapshot.decode(path.read_bytes(), settings), refused
            except (SnapshotError, OSError) as error:
                refused.append(SnapshotRefused(path=path, reason=str(error)))
        return None, refused

    def drop_before(self, rewrite: int) -> int:
        """Removes the snapshots of earlier rewrites: they still hold what was taken out. Returns how many."""
        old = [path for path in self._newest_first() if int(path.name.split("-")[0]) < rewrite]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _newest_first(self) -> list[Path]:
        return sorted(self._directory.glob(f"{'[0-9]' * 10}-{'[0-9]' * 20}{_SUFFIX}"), reverse=True)
