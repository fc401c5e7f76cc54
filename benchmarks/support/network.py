"""People who know each other, in a running stack: imported, joined, and with a history, for questions about them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.support.events import write_stream
from services.cli.connection import StackAddress
from services.cli.replay.command import replay_file
from services.cli.replay.reading import checksum, labels, survey

PEOPLE, MAILS, TEAM = 1000, 20_000, 25


async def fill(address: StackAddress, path: Path | None, labels_path: Path | None) -> tuple[str, ...]:
    """Replays the file, or one made here, and returns the ids of its people. Raises CommandFailed, AioRpcError."""
    with TemporaryDirectory(prefix="acquaint-benchmark-") as directory:
        if path is None:
            path = Path(directory) / "events.csv"
            write_stream(path, people=PEOPLE, mails=MAILS, team=TEAM)
        summary = survey(path)
        units = labels(labels_path) if labels_path else {}
        await replay_file(address, path, units, checksum(path), summary, Console(stderr=True))
    return summary.people
