"""How long after its acknowledgement an interaction shows in suggestions, while thousands a second come in.

A probe is an interaction of two people who are suggested to each other: it is visible in the first answer in which the
one is no longer suggested to the other. python -m benchmarks.visible [EVENTS.csv[.gz]] [--labels LABELS.csv]
[--data-dir DIR] [--rate N] [--seconds N] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop
from acquaint.interactions.v1 import interaction_pb2, interaction_service_pb2
from acquaint.recommendations.v1 import introduction_service_pb2

from benchmarks.support.figures import machine, percentile, show
from benchmarks.support.network import fill
from benchmarks.support.stacks import processor_seconds, stack_at, used
from services.cli.connection import Clients, clients
from services.cli.replay.command import catch_up
from services.cli.replay.sending import SOURCE

BATCH = 100
BATCHES_PER_PROBE = 2
REST_SECONDS = 0.005
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Somebody, and who is suggested to them first."""

    person_id: str
    other_id: str


@dataclass(slots=True, kw_only=True)
class Seen:
    """Seconds each: of the calls that record, and from their answers to the probes being visible."""

    acknowledged: list[float] = field(default_factory=list)
    visible: list[float] = field(default_factory=list)
    sent: int = 0
    late: int = 0


async def suggested(stubs: Clients, person_id: str) -> list[str]:
    """Who is suggested to a person."""
    request = introduction_service_pb2.SuggestIntroductionsRequest(person_id=person_id, limit=10)
    answer = await stubs.introductions.SuggestIntroductions(request, timeout=10)
    return [each.person_id for each in answer.suggestions]


async def pairs(stubs: Clients, people: Sequence[str], wanted: int) -> list[Pair]:
    """Pairs to probe with, no person in two of them."""
    found, taken = list[Pair](), set[str]()
    for person_id in people:
        if len(found) == wanted:
            break
        if person_id not in taken:
            others = [each for each in await suggested(stubs, person_id) if each not in taken]
            if others:
                found.append(Pair(person_id=person_id, other_id=others[0]))
                taken |= {person_id, others[0]}
    return found


def messages(pairs: Iterator[tuple[str, str]]) -> Iterator[interaction_pb2.Interaction]:
    """An interaction of each pair, now."""
    run = uuid.uuid4().hex[:8]
    for number, (initiator, other) in enumerate(pairs):
        message = interaction_pb2.Interaction(
            interaction_id=f"visible-{run}-{number}",
            source=SOURCE,
            type=interaction_pb2.INTERACTION_TYPE_MESSAGE,
            initiator_id=initiator,
            participant_ids=[other],
        )
        message.time.seconds = int(time.time())
        yield message


def at_random(people: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Two of the people again and again, without end; always the same."""
    draw = random.Random(11)
    while True:
        one, other = draw.sample(people, 2)
        yield one, other


class Feed:
    """Sends batches by the clock, whether or not the ones before were answered, and watches the probes among them."""

    def __init__(self, stubs: Clients, people: Sequence[str], probes: Sequence[Pair], per_second: int) -> None:
        self._stubs = stubs
        self._per_second = per_second
        self._probes = probes
        # Nobody who is in a probe is in anything else, so that nothing else ends a suggestion.
        probed = {each for pair in probes for each in (pair.person_id, pair.other_id)}
        self._noise = messages(at_random([each for each in people if each not in probed]))
        self._probing = messages((pair.person_id, pair.other_id) for pair in probes)
        self.seen = Seen()

    async def run(self, seconds: float) -> float:
        """Feeds for so long, or until there are no more probes; returns the seconds it took to send."""
        waiting: list[asyncio.Task[None]] = []
        probes = iter(self._probes)
        begun = time.perf_counter()
        for number in range(int(seconds * self._per_second / BATCH)):
            pause = begun + number * BATCH / self._per_second - time.perf_counter()
            if pause > 0:
                await asyncio.sleep(pause)
            batch = [next(self._noise) for _ in range(BATCH - 1)]
            probe = next(probes, None) if number % BATCHES_PER_PROBE == 0 else None
            batch.append(next(self._noise) if probe is None else next(self._probing))
            self.seen.sent += len(batch)
            waiting.append(asyncio.create_task(self._send(batch, probe)))
        took = time.perf_counter() - begun
        await asyncio.gather(*waiting)
        return took

    async def _send(self, batch: list[interaction_pb2.Interaction], probe: Pair | None) -> None:
        begun = time.perf_counter()
        request = interaction_service_pb2.RecordInteractionsRequest(interactions=batch)
        answer = await self._stubs.interactions.RecordInteractions(request, timeout=30)
        acknowledged = time.perf_counter()
        if answer.accepted != len(batch):
            raise RuntimeError(f"{len(batch) - answer.accepted} of {len(batch)} were not accepted")
        self.seen.acknowledged.append(acknowledged - begun)
        if probe is None:
            return
        while probe.other_id in await suggested(self._stubs, probe.person_id):
            if time.perf_counter() - acknowledged > PATIENCE_SECONDS:
                self.seen.late += 1
                return
            await asyncio.sleep(REST_SECONDS)
        self.seen.visible.append(time.perf_counter() - acknowledged)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is fed into which stack, interactions a second and for how long."""

    path: Path | None
    labels: Path | None
    data_dir: Path | None
    rate: int
    seconds: float


async def run(options: Options) -> dict[str, Any]:
    """Fills a stack (of its own, unless `data_dir` has one) and feeds it."""
    before = machine()
    async with stack_at(options.data_dir) as address, clients(address) as stubs:
        people = await fill(address, options.path, options.labels)
        wanted = int(options.seconds * options.rate / BATCH / BATCHES_PER_PROBE)
        probes = await pairs(stubs, people, min(wanted, len(people) // 4))
        feed = Feed(stubs, people, probes, options.rate)
        idle = processor_seconds(address.data_dir)
        took = await feed.run(options.seconds)
        await catch_up(stubs)
        processors = used(idle, processor_seconds(address.data_dir))
    seen = feed.seen
    return {
        "machine": before,
        "people": len(people),
        "asked_per_second": options.rate,
        "sent_per_second": round(seen.sent / took),
        "probes": len(seen.visible),
        "never_visible": seen.late,
        "acknowledged_p50_ms": percentile(seen.acknowledged, 0.5),
        "acknowledged_p99_ms": percentile(seen.acknowledged, 0.99),
        "visible_p50_ms": percentile(seen.visible, 0.5),
        "visible_p99_ms": percentile(seen.visible, 0.99),
        "visible_slowest_ms": percentile(seen.visible, 1.0),
        "processor_seconds": processors,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events", nargs="?", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--data-dir", type=Path, help="measure the stack that runs there; it gets the file's people")
    parser.add_argument("--rate", type=int, default=2000, help="interactions a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    options = Options(
        path=given.events, labels=given.labels, data_dir=given.data_dir, rate=given.rate, seconds=given.seconds
    )
    show(uvloop.run(run(options)), as_json=given.json)


if __name__ == "__main__":
    main()
