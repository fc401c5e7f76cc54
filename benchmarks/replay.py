"""Rows a second of a file sent, stored, published and folded, then verified, beside what its parts can do at best.

python -m benchmarks.replay [EVENTS.csv[.gz]] [--labels LABELS.csv] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from benchmarks.support.events import write_stream
from benchmarks.support.figures import machine, show
from benchmarks.support.raw import limits
from benchmarks.support.stacks import own_stack, processor_seconds, used
from services.cli.connection import find
from services.cli.replay.command import replay_file
from services.cli.replay.reading import checksum, labels, survey
from services.cli.verify.command import check

PEOPLE, MAILS, TEAM = 1000, 150_000, 25
VERIFY_SECONDS = 120.0


async def run(path: Path, labels_path: Path | None) -> dict[str, Any]:
    """Replays into an empty stack of its own and compares every count. Raises CommandFailed, AioRpcError."""
    before = machine()
    async with own_stack() as stack:
        raw = await limits(stack.database.uri, stack.broker.bootstrap)
        address = find(stack.data_dir)
        units = labels(labels_path) if labels_path else {}
        idle, client = processor_seconds(stack.data_dir), time.process_time()
        report = await replay_file(address, path, units, checksum(path), survey(path), Console(stderr=True))
        processors = used(idle, processor_seconds(stack.data_dir))
        processors["client"] = round(time.process_time() - client, 2)
        verified = await check(address, VERIFY_SECONDS)
    interactions = report["interactions_per_second"]
    return {
        "machine": before,
        "rows": report["events"],
        "interactions": report["interactions"],
        "people": report["people"],
        "seconds": report["seconds"],
        "catch_up_seconds": report["catch_up_seconds"],
        "rows_per_second": report["events_per_second"],
        "interactions_per_second": interactions,
        "processor_seconds": processors,
        "raw": asdict(raw),
        "interactions_to_raw_insert": round(interactions / raw.insert_many_per_second, 2),
        "interactions_to_raw_produce": round(interactions / raw.produce_per_second, 2),
        "interactions_to_raw_consume": round(interactions / raw.consume_per_second, 2),
        "verified": "clean" if verified["clean"] else verified["differences"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events", nargs="?", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="acquaint-benchmark-") as directory:
        path = options.events
        if path is None:
            path = Path(directory) / "events.csv"
            write_stream(path, people=PEOPLE, mails=MAILS, team=TEAM)
        result = asyncio.run(run(path, options.labels))
    show(result, as_json=options.json)
    sys.exit(0 if result["verified"] == "clean" else 1)


if __name__ == "__main__":
    main()
