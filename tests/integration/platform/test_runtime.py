"""A service's life: order of start and stop, readiness, deaths, exit codes, and a real process that is signalled."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from acquaint.operations.v1 import operations_service_pb2 as operations_pb2
from acquaint.operations.v1 import operations_service_pb2_grpc as operations_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.platform.errors import DependencyUnavailable, from_rpc_error
from services.platform.rpc import Server, connect
from services.platform.runtime import Operations, Service, StartRefused, host, supervised_task
from services.platform.settings import ServiceSettings
from services.platform.telemetry import Telemetry
from services.platform.testing import eventually
from tests.integration.platform.rpc_echo import KEY, Echo, Request, Stub, client_token, settings

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


class Part:
    """A component that writes down what happens to it."""

    def __init__(self, name: str, log: list[str], *, on_start: Callable[[], Awaitable[None]] | None = None) -> None:
        self.name = name
        self._log = log
        self._on_start = on_start

    async def start(self) -> None:
        self._log.append(f"start {self.name}")
        if self._on_start is not None:
            await self._on_start()

    async def stop(self) -> None:
        self._log.append(f"stop {self.name}")


class RecordedServer(Server):
    """A server that writes down its own part of the order."""

    log: list[str]

    async def start(self) -> int:
        port = await super().start()
        self.log.append("start server")
        return port

    async def serving(self, ready: bool) -> None:
        self.log.append("serving" if ready else "not serving")
        await super().serving(ready)

    async def stop(self, grace: float) -> None:
        self.log.append("stop server")
        await super().stop(grace)


class Running:
    """A service hosted inside the test."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.echo = Echo()
        self.stop = asyncio.Event()
        chosen = settings()
        self.server = RecordedServer(chosen, [self.echo.mount()], telemetry=Telemetry(settings=chosen.telemetry))
        self.server.log = log
        self.parts: dict[str, Any] = {}

    async def build(self, _: ServiceSettings) -> Service:
        return Service(server=self.server, **self.parts)

    def hosted(self) -> asyncio.Task[int]:
        return asyncio.create_task(host(settings(), self.build, self.stop))

    async def health(self) -> int:
        async with connect(f"127.0.0.1:{self.server.port}") as channel:
            answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        return answer.status  # type: ignore[no-any-return]


async def test_parts_start_in_order_and_stop_in_the_order_that_fails_no_call() -> None:
    log: list[str] = []
    running = Running(log)
    running.parts = {
        "components": [Part("database", log), Part("relay", log)],
        "consumers": [Part("consumers", log), Part("planner", log)],
    }
    life = running.hosted()
    await eventually(lambda: "serving" in log, what="readiness")
    running.stop.set()
    assert await life == 0
    started = ["start database", "start relay", "not serving", "start server", "start consumers", "start planner"]
    assert log[:7] == [*started, "serving"]
    stopped = ["not serving", "stop planner", "stop consumers", "stop server", "not serving"]
    assert log[7:] == [*stopped, "stop relay", "stop database"]


async def test_health_says_serving_once_the_service_caught_up_and_not_before() -> None:
    running, caught_up = Running([]), asyncio.Event()
    running.parts = {"readiness": caught_up.is_set}
    life = running.hosted()
    await eventually(lambda: "start server" in running.log, what="the server")
    assert await running.health() == NOT_SERVING
    caught_up.set()
    await eventually(lambda: "serving" in running.log, what="readiness")
    caught_up.clear()  # a latch: later lag is a metric, not a reason to be taken out
    assert await running.health() == SERVING
    running.stop.set()
    assert await life == 0


async def test_the_death_of_a_background_task_ends_the_process_with_a_defect() -> None:
    running = Running([])

    async def dies() -> None:
        raise ValueError("unexpected")

    async def begins() -> None:
        supervised_task("worker", dies())

    running.parts = {"components": [Part("worker", running.log, on_start=begins)]}
    assert await asyncio.wait_for(running.hosted(), 10) == 70
    assert "stop worker" in running.log


async def test_a_background_task_that_just_ends_is_a_death_too() -> None:
    running = Running([])

    async def ends() -> None:
        return

    async def begins() -> None:
        supervised_task("worker", ends())

    running.parts = {"consumers": [Part("worker", running.log, on_start=begins)]}
    assert await asyncio.wait_for(running.hosted(), 10) == 70


async def test_a_background_task_cancelled_by_its_owner_is_no_death() -> None:
    running, tasks = Running([]), []

    async def begins() -> None:
        tasks.append(supervised_task("worker", asyncio.Event().wait()))  # type: ignore[arg-type]

    running.parts = {"components": [Part("worker", running.log, on_start=begins)]}
    life = running.hosted()
    await eventually(lambda: "serving" in running.log, what="readiness")
    tasks[0].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    running.stop.set()
    assert await life == 0


@pytest.mark.parametrize(
    ("error", "code"), [(StartRefused("no broker"), 69), (DependencyUnavailable("away"), 69), (KeyError("x"), 70)]
)
async def test_a_start_that_fails_stops_what_was_started_and_says_why_by_its_code(error: Exception, code: int) -> None:
    running = Running([])

    async def fails() -> None:
        raise error

    running.parts = {
        "components": [Part("database", running.log), Part("broken", running.log, on_start=fails)],
        "consumers": [Part("consumers", running.log)],
    }
    assert await asyncio.wait_for(running.hosted(), 10) == code
    assert running.log == [
        "start database",
        "start broken",
        "not serving",
        "stop server",
        "stop broken",
        "stop database",
    ]


async def test_a_signal_during_a_start_that_waits_is_obeyed() -> None:
    running = Running([])

    async def waits() -> None:
        await asyncio.Event().wait()

    running.parts = {"components": [Part("database", running.log, on_start=waits)]}
    life = running.hosted()
    await eventually(lambda: "start database" in running.log, what="the start")
    running.stop.set()
    assert await asyncio.wait_for(life, 10) == 0
    assert "stop database" in running.log


async def test_a_part_that_cannot_stop_does_not_keep_the_others_from_stopping() -> None:
    running = Running([])

    class Stuck(Part):
        async def stop(self) -> None:
            raise ValueError("stuck")

    running.parts = {"components": [Part("database", running.log), Stuck("relay", running.log)]}
    life = running.hosted()
    await eventually(lambda: "serving" in running.log, what="readiness")
    running.stop.set()
    assert await life == 70
    assert running.log[-1] == "stop database"


async def test_an_operator_sees_shards_and_consumers_and_resumes_one() -> None:
    running, resumed = Running([]), []

    async def shards() -> list[operations_pb2.ShardStatus]:
        return [operations_pb2.ShardStatus(topic="t", next_sequence=7)]

    async def consumers() -> list[operations_pb2.ConsumerStatus]:
        return [operations_pb2.ConsumerStatus(topic="t", group="g", paused=True)]

    async def resume(group: str, topic: str) -> bool:
        resumed.append((group, topic))
        return group == "g"

    running.parts = {"operations": Operations(shards=shards, consumers=consumers, resume=resume)}
    life = running.hosted()
    await eventually(lambda: "serving" in running.log, what="readiness")
    token = client_token(roles=["client", "operator"])
    async with connect(f"127.0.0.1:{running.server.port}", token=token) as channel:
        stub = operations_grpc.OperationsServiceStub(channel)
        status = await stub.GetStatus(operations_pb2.GetStatusRequest())
        await stub.ResumeConsumer(operations_pb2.ResumeConsumerRequest(group="g", topic="t"))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ResumeConsumer(operations_pb2.ResumeConsumerRequest(group="other"))
    assert (status.ready, status.shards[0].next_sequence, status.consumers[0].paused) == (True, 7, True)
    assert from_rpc_error(caught.value).code is grpc.StatusCode.NOT_FOUND
    assert resumed == [("g", "t"), ("other", "")]
    running.stop.set()
    assert await life == 0


ROOT = Path(__file__).parents[3]
PROGRAM = ROOT / "tests" / "integration" / "platform" / "runtime_program.py"
DEVELOPMENT = {
    "ACQUAINT_ENVIRONMENT": "development",
    "ACQUAINT_AUTH__MODE": "development",
    "ACQUAINT_AUTH__DEVELOPMENT_KEY": KEY,
}


@asynccontextmanager
async def process(**environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A real process of the echo service; its log lines are on its standard error."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROGRAM),
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def line_with(child: Any, event: str) -> dict[str, Any]:
    while line := await asyncio.wait_for(child.stderr.readline(), 20):
        found: dict[str, Any] = json.loads(line)
        if found["event"] == event:
            return found
    raise AssertionError(f"the process ended without saying {event}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_call_in_flight_completes_when_the_process_is_told_to_stop(number: signal.Signals) -> None:
    async with process(**DEVELOPMENT) as child:
        port = (await line_with(child, "started"))["port"]
        await line_with(child, "ready")
        async with connect(f"127.0.0.1:{port}", token=client_token()) as channel:
            slow = asyncio.ensure_future(Stub(channel).Send(Request(text="slow")))
            await line_with(child, "handling")
            child.send_signal(number)
            assert (await slow).text == "slow"
        assert await asyncio.wait_for(child.wait(), 20) == 0


async def test_wrong_settings_end_the_process_with_78_and_their_names() -> None:
    async with process(ACQUAINT_RPC__PORT="70000") as child:
        _, text = await asyncio.wait_for(child.communicate(), 20)
    assert child.returncode == 78
    assert b"ACQUAINT_RPC__PORT" in text
    assert b"ACQUAINT_AUTH__JWKS_URL" in text
    assert b"Traceback" not in text
