"""Relays, writers and failures in memory, driven step by step by chance: whoever waits at a gate may be a zombie."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random

from google.protobuf.wrappers_pb2 import BytesValue

from services.platform.envelope import Fact, Received, parse
from services.platform.outbox.ports import Shard
from services.platform.outbox.publisher import Publisher
from services.platform.outbox.tenure import Keeper
from services.platform.settings import RelaySettings
from services.platform.telemetry import Metrics
from services.platform.testing import ManualClock
from services.platform.testing.journal import MemoryJournal
from services.platform.testing.log import Failure, MemoryLog

SHARD = Shard(topic="tests.facts.v1", partition=0)
SETTINGS = RelaySettings(lease_seconds=6.0, batch_bytes=10_000, backoff_seconds=0.1, maximum_backoff_seconds=1.0)
AGGREGATES = ("a", "b", "c")
ACTIONS = {
    "pass": 60.0,
    "freeze": 1.0,
    "thaw": 1.0,
    "append": 6.0,
    "time": 5.0,
    "fail": 2.0,
    "late": 2.0,
    "expire": 2.0,
    "start": 1.0,
    "crash": 0.5,
}

process: ContextVar[int] = ContextVar("process", default=0)


@dataclass
class Process:
    """One relay process: its tasks, until it crashes."""

    number: int
    task: asyncio.Task[None]
    children: list[asyncio.Task[None]] = field(default_factory=list)


@dataclass
class Waiter:
    """Somebody who waits at a gate."""

    number: int
    place: str
    passes: asyncio.Future[None]


class World:
    """Everything that takes part, and what must be true in the end."""

    journal_class: type[MemoryJournal] = MemoryJournal
    publisher_class: type[Publisher] = Publisher
    log_class: type[MemoryLog] = MemoryLog

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        # Each run has habits of its own: what is rare in one is frequent in another.
        self.weights = {action: weight * self.random.choice((0.2, 1, 5)) for action, weight in ACTIONS.items()}
        self.clock = ManualClock(seed=seed)
        self.waiting: list[Waiter] = []
        self.processes: list[Process] = []
        self.open = False
        self.frozen: set[int] = set()
        self.started = 0
        self.versions = dict.fromkeys(AGGREGATES, 0)
        self.appended: list[str] = []
        self.expired: set[str] = set()
        self.journal = self.journal_class([SHARD], gate=self.gate)
        self.log = self.log_class({SHARD.topic: 1}, gate=self.gate)
        self.metrics = Metrics.create()

    async def gate(self, place: str) -> None:
        if self.open:
            await asyncio.sleep(0)
            return
        waiter = Waiter(process.get(), place, asyncio.get_running_loop().create_future())
        self.waiting.append(waiter)
        try:
            await waiter.passes
        finally:
            self.waiting.remove(waiter)

    async def settle(self) -> None:
        for _ in range(12):
            await asyncio.sleep(0)

    # What may happen

    def start(self) -> None:
        self.started += 1
        process.set(self.started)
        new = Process(self.started, asyncio.current_task())  # type: ignore[arg-type]
        new.task = asyncio.create_task(self._run(new))
        self.processes.append(new)
        process.set(0)

    async def crash(self, victim: Process) -> None:
        self.processes.remove(victim)
        tasks = [victim.task, *victim.children]
        for task in tasks:
            task.cancel()
        while not all(task.done() for task in tasks):
            for waiter in [each for each in self.waiting if each.number == victim.number]:
                waiter.passes.cancel()
            await asyncio.sleep(0)

    def append(self) -> None:
        aggregate = self.random.choice(AGGREGATES)
        self.versions[aggregate] += 1
        version = self.versions[aggregate]
        ids = [f"{aggregate}:{version}:{place}" for place in range(self.random.randint(1, 3))]
        content = BytesValue(value=bytes(self.random.choice((10, 2_500))))
        self.journal.append(SHARD, [Fact(id=id, key=aggregate, message=content) for id in ids], version=version)
        self.appended += ids

    def expire(self) -> None:
        self.expired |= {row.id for row in self.journal.rows.values() if row.published}
        self.journal.expire()

    async def step(self) -> None:
        (action,) = self.random.choices(list(self.weights), weights=list(self.weights.values()))
        if action == "pass":
            awake = [each for each in self.waiting if each.number not in self.frozen and not each.passes.done()]
            if awake:
                self.random.choice(awake).passes.set_result(None)
        elif action == "freeze" and self.waiting:
            # A process that stands still for long and goes on as if nothing had happened: a zombie.
            self.frozen.add(self.random.choice(self.waiting).number)
        elif action == "thaw" and self.frozen:
            self.frozen.remove(self.random.choice(sorted(self.frozen)))
        elif action == "append":
            self.append()
        elif action == "time":
            self.clock.advance(self.random.choice((0.1, 1.0, 3.0, 7.0)))
        elif action == "fail":
            self.log.fail_next(self.random.choice(list(Failure)))
        elif action == "late" and self.log.late:
            self.log.deliver_late(self.random.randrange(self.log.late))
        elif action == "expire":
            self.expire()
        elif action == "start" and len(self.processes) < 3:
            self.start()
        elif action == "crash" and self.processes:
            await self.crash(self.random.choice(self.processes))
        await self.settle()

    async def explore(self, steps: int) -> None:
        """Lets things happen, then makes everything well again and waits until all is published."""
        self.start()
        self.start()
        try:
            for _ in range(steps):
                await self.step()
            self.log.failure_free()
            while self.log.late:
                self.log.deliver_late(self.random.randrange(self.log.late))
            self.open = True
            for waiter in self.waiting:
                if not waiter.passes.done():
                    waiter.passes.set_result(None)
            if not self.processes:
                self.start()
            for _ in range(100):
                self.clock.advance(1.0)
                await self.settle()
                await self.settle()
                if not self.journal.unmarked(SHARD):
                    break
        finally:
            self.open = True
            for each in list(self.processes):
                await self.crash(each)

    # What must be true

    def check(self) -> None:
        """Raises AssertionError when a fact was lost, doubled, renumbered, handed over too early or out of order."""
        assert not self.journal.unmarked(SHARD), "something was never published"
        read = [each for each in map(parse, self.log.records(SHARD.topic)) if isinstance(each, Received)]
        content: dict[int, str | None] = {}
        highest = 0
        applied: list[str] = []
        for each in read:
            assert each.sequence is not None
            assert content.setdefault(each.sequence, each.id) == each.id, f"two facts have the number {each.sequence}"
            assert each.sequence <= highest + 1, f"{each.sequence} was handed over before {highest + 1}"
            if each.sequence == highest + 1:
                highest += 1
                applied.append(each.id or "")
        assert sorted(applied) == sorted(self.appended), "not every fact was applied exactly once"
        for aggregate in AGGREGATES:
            order = [id for id in applied if id.startswith(aggregate)]
            assert order == sorted(order, key=lambda id: [int(part) for part in id.split(":")[1:]]), "out of order"
        assert self.journal.state(SHARD).next_sequence == len(self.appended) + 1
        assert not self.expired & self.journal.rows.keys(), "an expired row came back"

    async def _run(self, own: Process) -> None:
        keeper = Keeper(self.journal, [SHARD], lease_seconds=SETTINGS.lease_seconds, clock=self.clock)
        publisher: Publisher | None = None
        task: asyncio.Task[None] | None = None
        while True:
            for lost in await keeper.renew():
                if task is not None and publisher is not None and publisher.tenure is lost:
                    task.cancel()
            for tenure in await keeper.take():
                publisher = self.publisher_class(
                    tenure,
                    partitions=1,
                    source="tests",
                    store=self.journal,
                    log=self.log,
                    clock=self.clock,
                    settings=SETTINGS,
                    metrics=self.metrics,
                )
                task = asyncio.create_task(publisher.run())
                task.add_done_callback(lambda _, tenure=tenure: keeper.drop(tenure))
                own.children.append(task)
            if publisher is not None:
                publisher.poke()
            await self.clock.sleep(SETTINGS.lease_seconds / 6)
