"""One of our services as a child process: told everything by its environment, ready when its gRPC health says so."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2

from services.devstack.errors import StartFailed
from services.devstack.ports import LOOPBACK, PortBook, is_free, is_listening
from services.devstack.process import Child, clean_environment

# Children see our own settings and what Python and numba need to find code; nothing else of the caller's environment.
PASSED_ON = ("ACQUAINT_", "NUMBA_", "PYTHON")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """Which module is run under which name, and the ports it has when they are free."""

    name: str
    module: str
    usual_port: int
    usual_metrics_port: int


SERVICES = (
    ServiceSpec(name="profiles", module="services.profiles", usual_port=50051, usual_metrics_port=9101),
    ServiceSpec(name="interactions", module="services.interactions", usual_port=50052, usual_metrics_port=9102),
    ServiceSpec(name="recommendations", module="services.recommendations", usual_port=50053, usual_metrics_port=9103),
    ServiceSpec(name="notifications", module="services.notifications", usual_port=50054, usual_metrics_port=9104),
)


async def is_serving(address: str, *, seconds: float = 1.0) -> bool:
    """True when the server at `address` answers its health check with SERVING."""
    async with grpc.aio.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = await check(health_pb2.HealthCheckRequest(), timeout=seconds)
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


class ServiceProcess:
    """A service of one stack. Its ports are chosen once and kept, so that its peers find it again after a restart."""

    def __init__(self, spec: ServiceSpec, directory: Path) -> None:
        self.spec = spec
        self.child = Child(spec.name, directory)
        self.port = 0
        self.metrics_port = 0

    @property
    def name(self) -> str:
        """profiles, interactions, recommendations or notifications."""
        return self.spec.name

    @property
    def address(self) -> str:
        """host:port of its gRPC server."""
        return f"{LOOPBACK}:{self.port}"

    def choose_ports(self, book: PortBook, *, usual: bool) -> None:
        """Takes the ports it had, or others when those are taken."""
        self.port = book.choose(self.name, usual=self.spec.usual_port if usual else None)
        self.metrics_port = book.choose(f"{self.name}-metrics", usual=self.spec.usual_metrics_port if usual else None)

    def port_is_taken(self) -> bool:
        """True when another program has one of its ports; asked while it does not run."""
        return not (is_free(self.port) and is_free(self.metrics_port))

    def start(self, settings: Mapping[str, str]) -> None:
        """Starts the process; `ready` tells when it serves."""
        passed = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
        own = {
            "ACQUAINT_RPC__PORT": str(self.port),
            "ACQUAINT_TELEMETRY__METRICS_PORT": str(self.metrics_port),
            "PYTHONUNBUFFERED": "1",
            "MALLOC_ARENA_MAX": "2",  # a thread pool otherwise costs tens of megabytes of idle heap
        }
        environment = clean_environment({**passed, **settings, **own})
        self.child.start([sys.executable, "-m", self.spec.module], environment)

    async def ready(self, *, seconds: float = 240.0) -> None:
        """Returns when it serves; raises StartFailed when it ended or `seconds` passed (the first run compiles)."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not (await is_listening(self.port) and await is_serving(self.address)):
            if not self.child.running:
                raise StartFailed(self.name, f"it ended with exit code {self.child.exit_code}", self.child.log_tail())
            if asyncio.get_running_loop().time() > deadline:
                raise StartFailed(self.name, f"it did not serve within {seconds:.0f} s", self.child.log_tail())
            await asyncio.sleep(0.1)
