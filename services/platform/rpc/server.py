"""Serves gRPC behind the chain, with health per service; answers NOT_SERVING until told and while it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from services.platform.auth import Authenticator, policy_of
from services.platform.clock import Clock, SystemClock
from services.platform.errors import StartRefused
from services.platform.interceptors import Chain
from services.platform.settings import RpcSettings, ServiceSettings
from services.platform.telemetry import Telemetry

_HEALTH_CALLS = 64
# What is longer than a method takes is refused by the chain with a reason; the transport cuts off beyond that.
_RECEIVE_FACTOR = 2
_WATCHERS_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One service to serve: the generated `add_XServicer_to_server`, the servicer, and the service's descriptor."""

    add: Callable[[Any, Any], None]
    servicer: object
    service: ServiceDescriptor


class _Handlers:
    """Takes the place of a server while generated code adds its handlers, so that they can be wrapped."""

    def __init__(self) -> None:
        self.by_method: Mapping[str, grpc.RpcMethodHandler[Any, Any]] = {}

    def add_generic_rpc_handlers(self, _: Sequence[object]) -> None:
        """Generated code adds the same handlers in this older form as well."""

    def add_registered_method_handlers(self, _: str, handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]]) -> None:
        self.by_method = handlers


class Server:
    """One port. Raises StartRefused at `start` for what an operator has to put right."""

    def __init__(
        self,
        settings: ServiceSettings,
        mounts: Sequence[Mount],
        *,
        telemetry: Telemetry,
        clock: Clock | None = None,
    ) -> None:
        self.telemetry = telemetry
        self.port = settings.rpc.port
        self._settings = settings
        self._clock = clock or SystemClock()
        self._mounts = list(mounts)
        self._server: grpc.aio.Server | None = None
        self._health = health.aio.HealthServicer()

    def mount(self, mount: Mount) -> None:
        """Adds a service before the start."""
        self._mounts.append(mount)

    async def start(self) -> int:
        """Listens and handles calls, health still NOT_SERVING; returns the port."""
        settings = self._settings
        try:
            self._authenticator = Authenticator(settings.auth, self._clock)
        except (OSError, ValueError) as error:
            raise StartRefused(f"the keys or clients of ACQUAINT_AUTH cannot be read: {error}") from None
        self._chain = Chain(settings.rpc, self._authenticator, clock=self._clock, telemetry=self.telemetry)
        server = grpc.aio.server(
            options=_options(settings.rpc, self._mounts),
            maximum_concurrent_rpcs=settings.rpc.maximum_concurrent_rpcs + settings.rpc.maximum_streams + _HEALTH_CALLS,
        )
        for mount in self._mounts:
            handlers = _Handlers()
            mount.add(mount.servicer, handlers)
            wrapped = self._chain.wrap(mount.service, handlers.by_method)
            server.add_registered_method_handlers(mount.service.full_name, wrapped)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        await self.serving(False)
        if settings.rpc.reflection:
            names = [mount.service.full_name for mount in self._mounts]
            reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
        self.port = _listen(server, settings.rpc)
        self._server = server
        # The library cannot give up a start half way; whoever gives up ours stops it when it is through.
        self._starting = asyncio.create_task(server.start(), name="rpc-start")
        await asyncio.shield(self._starting)
        return self.port

    async def serving(self, ready: bool) -> None:
        """What health answers, for each service and for the whole."""
        state = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", *(mount.service.full_name for mount in self._mounts)):
            await self._health.set(name, state)

    async def stop(self, grace: float) -> None:
        """Takes no new calls, ends streams, lets unary calls finish for `grace` seconds, then cancels them."""
        if self._server is None:
            return
        await self._starting
        await self.serving(False)
        self._chain.end_streams()
        stopping = asyncio.create_task(self._server.stop(grace), name="rpc-stop")
        await self._chain.finished(grace)
        # Only watchers of health can be left; they would stay for the whole grace.
        await self._server.stop(_WATCHERS_SECONDS)
        await stopping
        await self._authenticator.close()
        self._server = None


def _options(settings: RpcSettings, mounts: Sequence[Mount]) -> list[tuple[str, Any]]:
    largest = max((policy_of(method).request_bytes for mount in mounts for method in mount.service.methods), default=0)
    return [
        ("grpc.so_reuseport", 0),  # a taken port is an error, not a second listener
        ("grpc.max_receive_message_length", _RECEIVE_FACTOR * largest),
        ("grpc.http2.min_ping_interval_without_data_ms", int(settings.minimum_ping_seconds * 1000)),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", int(settings.minimum_ping_seconds * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
    ]


def _listen(server: grpc.aio.Server, settings: RpcSettings) -> int:
    address = f"{settings.host}:{settings.port}"
    try:
        if settings.certificate_file is None or settings.key_file is None:
            return server.add_insecure_port(address)
        authorities = settings.client_ca_file.read_bytes() if settings.client_ca_file else None
        pair = (settings.key_file.read_bytes(), settings.certificate_file.read_bytes())
        credentials = grpc.ssl_server_credentials([pair], authorities, authorities is not None)
        return server.add_secure_port(address, credentials)
    except RuntimeError:
        raise StartRefused(
            f"{address} cannot be listened on: it is taken or not ours (ACQUAINT_RPC__HOST, ACQUAINT_RPC__PORT)"
        ) from None
    except OSError as error:
        raise StartRefused(f"a certificate file of ACQUAINT_RPC cannot be read: {error}") from None
