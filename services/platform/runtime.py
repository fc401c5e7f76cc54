"""Runs a service: starts its parts in order, ends them in the order that fails no call in flight, says why it ended.

Order at stop: NOT_SERVING, stop what takes in work, let calls finish, flush the relay, close.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import uvloop

from services.platform.errors import DependencyUnavailable, ServiceError, StartRefused
from services.platform.operations import Operations
from services.platform.rpc import Server
from services.platform.settings import ServiceSettings, SettingsInvalid, load
from services.platform.supervision import on_death, supervised_task
from services.platform.telemetry import configure_logs, get_logger

__all__ = ["Component", "Operations", "Service", "StartRefused", "host", "run", "supervised_task"]

EXIT_STOPPED = 0
EXIT_UNAVAILABLE = 69
EXIT_DEFECT = 70
EXIT_SETTINGS = 78
_READY_POLL_SECONDS = 0.05
_STOP_SECONDS = 15.0
# Batches of a thousand messages make many short-lived objects; the default thresholds look for cycles in each of them.
_COLLECT_AFTER = (50_000, 20, 100)

logger = get_logger(__name__)


class Component(Protocol):
    """A part with a life of its own. `start` returns when it works, `stop` when nothing of it runs any more."""

    @property
    def name(self) -> str: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What `build` composes.

    `components` (database, relay ...) start before the server and stop after it, in reverse; `consumers` (whatever
    takes in work by itself) start after the server and stop before it. Health says SERVING once `readiness` was true.
    """

    server: Server
    components: Sequence[Component] = ()
    consumers: Sequence[Component] = ()
    readiness: Callable[[], bool] = _always
    operations: Operations = field(default_factory=Operations)


S = TypeVar("S", bound=ServiceSettings)


def run(service_name: str, settings_class: type[S], build: Callable[[S], Awaitable[Service]]) -> None:
    """Runs the service until a signal or a death, then exits the process.

    Exit codes: 0 stopped by a signal, 69 something it needs is missing, 70 a defect, 78 wrong settings.
    """
    try:
        settings = load(settings_class)
    except SettingsInvalid as error:
        print(f"{service_name}: {error}", file=sys.stderr)
        sys.exit(EXIT_SETTINGS)
    configure_logs(settings.telemetry, service=service_name, development=settings.environment == "development")
    gc.set_threshold(*_COLLECT_AFTER)
    sys.exit(uvloop.run(_until_signalled(settings, build)))


async def _until_signalled(settings: S, build: Callable[[S], Awaitable[Service]]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return await host(settings, build, stop)


async def host(settings: S, build: Callable[[S], Awaitable[Service]], stop: asyncio.Event) -> int:
    """Builds, starts, waits for `stop` or a death, stops; returns the exit code. `run` without process and signals."""
    life = _Life(settings, stop)
    on_death.set(life.died)
    starting = asyncio.create_task(life.start(build), name="start")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    # A start that waits for a broker must not outlast the signal to stop.
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    if starting.done() and life.code == EXIT_STOPPED:
        await stopping
    for task in (starting, stopping):
        task.cancel()
    await asyncio.gather(starting, stopping, return_exceptions=True)
    await life.end()
    return life.code


class _Life(Generic[S]):
    """What was started, in order, and how it ends."""

    def __init__(self, settings: S, stop: asyncio.Event) -> None:
        self.code = EXIT_STOPPED
        self._settings = settings
        self._stop = stop
        self._ending = False
        self._service: Service | None = None
        self._components: list[Component] = []
        self._consumers: list[Component] = []
        self._latch: asyncio.Task[None] | None = None
        self._ready = False

    def died(self, name: str, error: BaseException) -> None:
        """A supervised task ended: so does the process."""
        if not self._ending:
            logger.critical("task_died", task=name, exc_info=error)
            self.code = EXIT_DEFECT
            self._stop.set()

    async def start(self, build: Callable[[S], Awaitable[Service]]) -> None:
        """Builds and starts; what goes wrong is logged and becomes the exit code."""
        try:
            self._service = await build(self._settings)
            await self._start(self._service)
        except (StartRefused, DependencyUnavailable, ServiceError, OSError) as error:
            logger.error("start_refused", cause=str(error))
            self.code = EXIT_UNAVAILABLE
        except Exception:
            logger.exception("start_failed")
            self.code = EXIT_DEFECT

    async def _start(self, service: Service) -> None:
        server = service.server
        server.mount(service.operations.mount(self._settings.service, self._settings.environment, lambda: self._ready))
        server.telemetry.serve_metrics()
        for component in service.components:
            self._components.append(component)
            await component.start()
        port = await server.start()
        for consumer in service.consumers:
            self._consumers.append(consumer)
            await consumer.start()
        logger.info("started", port=port)
        gc.collect()
        gc.freeze()
        self._latch = asyncio.create_task(self._become_ready(service), name="readiness")

    async def _become_ready(self, service: Service) -> None:
        try:
            while True:
                if service.readiness():
                    break
                await asyncio.sleep(_READY_POLL_SECONDS)
        except Exception as error:
            self.died("readiness", error)
            return
        self._ready = True
        service.server.telemetry.metrics.ready.set(1)
        await service.server.serving(True)
        logger.info("ready")

    async def end(self) -> None:
        self._ending = True
        service = self._service
        if service is None:
            return
        if self._latch is not None:
            self._latch.cancel()
            await asyncio.gather(self._latch, return_exceptions=True)
        await service.server.serving(False)
        for consumer in reversed(self._consumers):
            await self._stopped(consumer.name, consumer.stop())
        grace = self._settings.rpc.grace_seconds
        await self._stopped("server", service.server.stop(grace), seconds=grace + _STOP_SECONDS)
        for component in reversed(self._components):
            await self._stopped(component.name, component.stop())
        await self._stopped("telemetry", service.server.telemetry.close())
        logger.info("stopped", code=self.code)

    async def _stopped(self, name: str, stopping: Awaitable[None], seconds: float = _STOP_SECONDS) -> None:
        """A part that cannot stop must not keep the others from stopping."""
        try:
            async with asyncio.timeout(seconds):
                await stopping
        except Exception:
            logger.exception("stop_failed", part=name)
            self.code = self.code or EXIT_DEFECT
