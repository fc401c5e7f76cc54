"""The whole stack: started in order, watched, started again with backoff where a child dies, stopped in order."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from services.devstack import kafka, mongo
from services.devstack.errors import DevstackError
from services.devstack.files import DirectoryLock
from services.devstack.kafka import LocalBroker
from services.devstack.logs import LogFollower
from services.devstack.mongo import LocalDatabase
from services.devstack.ports import PortBook
from services.devstack.process import Child, ProcessMark
from services.devstack.service import SERVICES, ServiceProcess, ServiceSpec
from services.devstack.state import (
    BROKER,
    READY,
    STARTING,
    STOPPING,
    ChildState,
    StackState,
    development_key,
    state_file,
    write_state,
)
from services.devstack.topics import ensure_topics

FIRST_BACKOFF, LAST_BACKOFF = 0.5, 30.0
STEADY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """What a stack is made of. `settings` are further environment variables for all services."""

    data_dir: Path
    members: int = 1
    restart: bool = True
    usual_ports: bool = True
    services: Sequence[ServiceSpec] = SERVICES
    settings: Mapping[str, str] = field(default_factory=dict)
    broker_settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Who hears what: `say` news of the stack, `log` a line that a service wrote."""

    say: Callable[[str], None]
    log: Callable[[str, str], None]

    @classmethod
    def silent(cls) -> Self:
        """Nobody listens."""
        return cls(say=lambda _: None, log=lambda _, __: None)


class _Owner(Protocol):
    """Whoever holds a child; a container may take the place of a process."""

    child: Child


@dataclass(slots=True, kw_only=True)
class _Watched:
    """A child that is to be kept alive: how it is brought back, and how patient we are with it."""

    name: str
    owner: _Owner
    revive: Callable[[], Awaitable[None]]
    backoff: float = FIRST_BACKOFF
    up_since: float = 0.0


class Stack:
    """Broker, database, topics and services of one data directory: `async with Stack(options) as stack: …`.

    `watch` keeps it alive until it is cancelled. Tests use `restart=False` and kill and revive children by name.
    """

    def __init__(self, options: StackOptions, report: Report | None = None) -> None:
        self.options = options
        self.data_dir = options.data_dir.resolve()
        self._report = report or Report.silent()
        usual = options.usual_ports
        self.broker = LocalBroker(
            data_dir=self.data_dir / "broker",
            usual=kafka.USUAL_PORT if usual else None,
            settings=options.broker_settings,
        )
        self.database = LocalDatabase(
            data_dir=self.data_dir / "database", members=options.members, usual=mongo.USUAL_PORT if usual else None
        )
        self.services = {spec.name: ServiceProcess(spec, self.data_dir / "services") for spec in options.services}
        self._lock = DirectoryLock(self.data_dir)
        self._phase = STARTING
        self._watched: list[_Watched] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def development_key(self) -> str:
        """The key of this stack's development tokens."""
        return development_key(self.data_dir)

    def address(self, service: str) -> str:
        """host:port of a service."""
        return self.services[service].address

    async def start(self) -> None:
        """Starts everything and returns when each part is ready. Raises DevstackError; nothing is left running then."""
        self._lock.acquire()
        try:
            self._phase = STARTING
            await asyncio.gather(*(service.child.end_orphan() for service in self.services.values()))
            self._write()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._start_part("Kafka broker", self.broker.start))
                group.create_task(self._start_part("MongoDB replica set", self.database.start))
            await ensure_topics(self.broker.bootstrap)
            for attempts_left in (2, 1, 0):
                if await self._start_services(last=not attempts_left):
                    break
            self._watched = self._everything()
            self._phase = READY
            self._write()
        except BaseExceptionGroup as failures:
            await self.stop()
            causes = [cause for cause in failures.exceptions if isinstance(cause, DevstackError)]
            raise (causes or failures.exceptions)[0] from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stops services, then database and broker, each in order, and gives the directory back.

        A stack that does not own its directory has nothing to stop: what is written there is about another one.
        """
        if not self._lock.held:
            return
        self._phase = STOPPING
        self._watched = []
        self._write()
        await asyncio.gather(*(service.child.stop(20.0) for service in self.services.values()))
        await asyncio.gather(self.database.stop(), self.broker.stop())
        state_file(self.data_dir).unlink(missing_ok=True)
        self._lock.release()

    async def kill(self, name: str) -> None:
        """SIGKILL for one service, `broker` or `database`."""
        parts: dict[str, Callable[[], Awaitable[None]]] = {"broker": self.broker.kill, "database": self.database.kill}
        await parts.get(name, lambda: self.services[name].child.kill())()

    async def revive(self, name: str) -> None:
        """Starts a killed service, the `broker` or the `database` again and waits until it is ready."""
        parts: dict[str, Callable[[], Awaitable[None]]] = {"broker": self.broker.start, "database": self.database.start}
        await parts.get(name, self._starter(name))()
        self._write()

    async def watch(self) -> None:
        """Follows the services' logs and brings back what dies, until cancelled."""
        logs = {name: service.child.log for name, service in self.services.items()}
        follower = LogFollower(logs, self._report.log)
        dead: set[str] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                follower.look()
                for watched in self._watched:
                    if watched.owner.child.running or watched.name in dead:
                        continue
                    dead.add(watched.name)
                    self._say_death(watched)
                    if self.options.restart:
                        group.create_task(self._bring_back(watched, dead))
                await asyncio.sleep(0.1)

    async def _bring_back(self, watched: _Watched, dead: set[str]) -> None:
        clock = asyncio.get_running_loop().time
        if clock() - watched.up_since > STEADY_SECONDS:
            watched.backoff = FIRST_BACKOFF
        while True:
            pause, watched.backoff = watched.backoff, min(2 * watched.backoff, LAST_BACKOFF)
            self._report.say(f"{watched.name} starts again in {pause:g} s")
            await asyncio.sleep(pause)
            try:
                await watched.owner.child.stop()  # an earlier attempt may hang
                await watched.revive()
                break
            except DevstackError as error:
                self._report.say(str(error))
        watched.up_since = clock()
        self._report.say(f"{watched.name} is back")
        self._write()
        dead.discard(watched.name)

    def _say_death(self, watched: _Watched) -> None:
        code = watched.owner.child.exit_code
        how = f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        self._report.say(f"{watched.name} {how}; its log is {watched.owner.child.log}")

    async def _start_services(self, *, last: bool) -> bool:
        """False when another program took a port between its choice and its use; raises instead in the `last` try."""
        book = PortBook(self.data_dir)
        services = list(self.services.values())
        for service in services:
            service.choose_ports(book, usual=self.options.usual_ports)
        try:
            async with asyncio.TaskGroup() as group:
                for name in self.services:
                    group.create_task(self._start_part(name, self._starter(name)))
        except ExceptionGroup:
            lost = [service for service in services if not service.child.running and service.port_is_taken()]
            if last or not lost:
                raise
            # All start again: the others were told the address that was lost.
            await asyncio.gather(*(service.child.stop() for service in services))
            self._report.say(f"the port of {lost[0].name} was taken by another program; starting the services again")
            return False
        return True

    async def _start_part(self, name: str, start: Callable[[], Awaitable[None]]) -> None:
        begun = asyncio.get_running_loop().time()
        await start()
        self._write()
        self._report.say(f"{name} is ready ({asyncio.get_running_loop().time() - begun:.1f} s)")

    def _starter(self, name: str) -> Callable[[], Awaitable[None]]:
        async def start() -> None:
            service = self.services[name]
            service.start(self._service_settings())
            self._write()
            await service.ready()

        return start

    def _everything(self) -> list[_Watched]:
        return [
            _Watched(name=BROKER, owner=self.broker, revive=self.broker.start),
            *(_Watched(name=member.name, owner=member, revive=member.start) for member in self.database.members),
            *(_Watched(name=name, owner=part, revive=self._starter(name)) for name, part in self.services.items()),
        ]

    def _service_settings(self) -> dict[str, str]:
        peers = {f"ACQUAINT_PEERS__{name.upper()}": service.address for name, service in self.services.items()}
        return {
            "ACQUAINT_ENVIRONMENT": "development",
            "ACQUAINT_KAFKA__BOOTSTRAP": self.broker.bootstrap,
            "ACQUAINT_MONGO__URI": self.database.uri,
            "ACQUAINT_AUTH__MODE": "development",
            "ACQUAINT_AUTH__DEVELOPMENT_KEY": self.development_key,
            "ACQUAINT_RPC__REFLECTION": "true",
            "ACQUAINT_GRAPH__SNAPSHOTS": str(self.data_dir / "graph"),
            "ACQUAINT_TELEMETRY__LOG_FORMAT": "console",
            **peers,
            **self.options.settings,
        }

    def _write(self) -> None:
        children = [self._child_state(BROKER, self.broker.child, self.broker.address)]
        children += [self._child_state(m.name, m.child, self.database.uri) for m in self.database.members]
        children += [self._child_state(name, service.child, service.address) for name, service in self.services.items()]
        state = StackState(phase=self._phase, supervisor=ProcessMark.of(os.getpid()), children=children)
        write_state(self.data_dir, state)

    @staticmethod
    def _child_state(name: str, child: Child, address: str) -> ChildState:
        return ChildState(name=name, process=child.mark, address=address, log=str(child.log))
