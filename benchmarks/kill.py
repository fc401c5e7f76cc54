"""A replay during which the broker and each service are killed with -9 and come back; then every count is compared.

python -m benchmarks.kill [EVENTS.csv[.gz]] [--labels LABELS.csv] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
from acquaint.interactions.v1 import interaction_service_pb2
from acquaint.operations.v1 import operations_service_pb2
from acquaint.recommendations.v1 import introduction_service_pb2

from benchmarks.support.events import write_stream
from services.cli.connection import Clients, StackAddress, clients, find
from services.cli.replay.command import catch_up, make_people, register
from services.cli.replay.reading import Event, checksum, events, labels, survey
from services.cli.replay.sending import Sent, batches, count, record, to_proto
from services.cli.verify.command import check
from services.devstack.supervisor import Stack, StackOptions

BROKER = "broker"
VICTIMS = (BROKER, "interactions", "recommendations", "profiles", "notifications")
WAIT_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill: what was killed, what was on its way at that moment, and how long it took to be back."""

    victim: str
    acknowledged_rows: int
    unpublished: int
    graph_lag: int
    back_seconds: float


@dataclass(slots=True, kw_only=True)
class Report:
    """What a run found. `rows` are those of the file; `held` what each store holds; clean means no difference."""

    rows: int
    interactions: int
    acknowledged_rows: int = 0
    duplicates: int = 0
    seconds: float = 0.0
    kills: list[Kill] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    differences: list[dict[str, str]] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was lost and nothing counted twice."""
        stores = {self.held.get(store) for store in ("documents", "journal", "topic", "graph")}
        return not self.differences and stores == {self.interactions} and self.acknowledged_rows == self.rows


async def on_its_way(stubs: Clients) -> tuple[int, int]:
    """Records in the outbox of interactions and records the graph has not folded; a service that is away counts 0."""
    unpublished = lag = 0
    try:
        status = await stubs.operations["interactions"].GetStatus(operations_service_pb2.GetStatusRequest(), timeout=5)
        unpublished = sum(shard.unpublished for shard in status.shards)
        digest = await stubs.introductions.GetDigest(introduction_service_pb2.GetDigestRequest(brief=True), timeout=5)
        lag = digest.position.lag
    except grpc.aio.AioRpcError:
        pass
    return unpublished, lag


class Run:
    """One replay with kills."""

    def __init__(self, stack: Stack, stubs: Clients, name: str, shift: int, report: Report) -> None:
        self._stack = stack
        self._stubs = stubs
        self._name = name
        self._shift = shift
        self._report = report
        self.sent = Sent()

    async def send(self, batch: list[Event]) -> None:
        """Send one batch until it is acknowledged."""
        request = interaction_service_pb2.RecordInteractionsRequest(
            interactions=[to_proto(event, self._name, self._shift) for event in batch]
        )
        count(self.sent, batch, await record(self._stubs.interactions, request))

    async def kill(self, victim: str, batch: list[Event]) -> None:
        """With the broker standing still, send a batch, so that something is on its way; then kill and bring back."""
        await self._stack.broker.pause()
        await self.send(batch)
        unpublished, lag = await self._pending()
        began = time.monotonic()
        await self._stack.kill(victim)
        if victim != BROKER:
            await self._stack.broker.resume()
        await self._stack.revive(victim)
        self._report.kills.append(
            Kill(
                victim=victim,
                acknowledged_rows=self.sent.rows,
                unpublished=unpublished,
                graph_lag=lag,
                back_seconds=round(time.monotonic() - began, 3),
            )
        )

    async def _pending(self) -> tuple[int, int]:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            found = await on_its_way(self._stubs)
            if any(found):
                return found
        raise AssertionError("nothing was on its way although the broker stood still")


def planned(total: int) -> dict[int, str]:
    """Before which batch each victim dies: spread evenly, never the first or the last batch."""
    step = max(1, (total - 2) // len(VICTIMS))
    return {1 + number * step: victim for number, victim in enumerate(VICTIMS)}


async def run(stack: Stack, address: StackAddress, path: Path, units: dict[str, str], size: int) -> Report:
    """Replay `path` in batches of `size` into an empty stack with a kill of each victim. Raises AioRpcError."""
    summary = survey(path)
    plan = list(batches(events(path), size))
    if len(plan) < len(VICTIMS) + 2:
        raise ValueError(f"{len(plan)} batches are too few for {len(VICTIMS)} kills")
    report = Report(rows=summary.rows, interactions=sum(len(batch) for batch in plan))
    kills = planned(len(plan))
    async with clients(address) as stubs:
        await register(stubs)
        await make_people(stubs, summary.people, units)
        began = time.monotonic()
        going = Run(stack, stubs, checksum(path), int(time.time()) - summary.last, report)
        for number, batch in enumerate(plan):
            if number in kills:
                await going.kill(kills[number], batch)
            else:
                await going.send(batch)
        await catch_up(stubs)
        report.seconds = round(time.monotonic() - began, 3)
    report.acknowledged_rows, report.duplicates = going.sent.accepted + going.sent.duplicates, going.sent.duplicates
    verified = await check(address, WAIT_SECONDS)
    report.held, report.differences = verified["held"], verified["differences"]
    return report


@asynccontextmanager
async def empty_stack(directory: Path) -> AsyncIterator[Stack]:
    """A stack of its own in which what dies stays dead."""
    async with Stack(StackOptions(data_dir=directory, restart=False, usual_ports=False)) as stack:
        yield stack


async def measure(path: Path | None, labels_path: Path | None) -> Report:
    """The whole run on an empty stack."""
    with TemporaryDirectory(prefix="acquaint-kill-") as name:
        directory = Path(name)
        if path is None:
            path = directory / "events.csv"
            write_stream(path, people=200, mails=20_000)
        units = labels(labels_path) if labels_path else {}
        async with empty_stack(directory / "stack") as stack:
            return await run(stack, find(directory / "stack"), path, units, 1000)


def lines(report: Report) -> Iterator[str]:
    """The report for people."""
    for kill in report.kills:
        yield (
            f"{kill.victim:>16} killed after {kill.acknowledged_rows:,} rows with {kill.unpublished:,} records "
            f"unpublished and {kill.graph_lag:,} unfolded; back after {kill.back_seconds:.1f} s"
        )
    yield f"{report.rows:,} rows as {report.interactions:,} interactions in {report.seconds:.1f} s"
    yield "held: " + ", ".join(f"{name} {number:,}" for name, number in report.held.items())
    yield "0 lost, 0 counted twice" if report.clean else f"DIFFERENCES: {report.differences}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events", nargs="?", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = asyncio.run(measure(options.events, options.labels))
    if options.json:
        print(json.dumps({**asdict(report), "clean": report.clean}))
    else:
        print("\n".join(lines(report)))
    sys.exit(0 if report.clean else 1)


if __name__ == "__main__":
    main()
