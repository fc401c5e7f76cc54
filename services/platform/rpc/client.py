"""Calls to other services: each has a deadline, shows our token, carries the trace and the request's id on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import grpc

from services.platform.auth.authenticator import ACTING_FOR
from services.platform.clock import Clock, SystemClock
from services.platform.rpc.calls import Calls, StreamMethod, UnaryMethod
from services.platform.settings import PeerSettings, RpcSettings, ServiceSettings
from services.platform.telemetry import Metrics

_OPTIONS = [
    ("grpc.max_receive_message_length", 64 << 20),
    # A peer that comes back is found within two seconds, not within two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
]


def acting_for(person: str) -> tuple[tuple[str, str | bytes], ...]:
    """The metadata of a call made in a person's name by a client that is granted to."""
    return ((ACTING_FOR, person),)


def connect(
    target: str,
    settings: ServiceSettings | PeerSettings | None = None,
    *,
    token: Callable[[], str] = str,
    metrics: Metrics | None = None,
    clock: Clock | None = None,
) -> grpc.aio.Channel:
    """A channel to `host:port` for generated stubs; close it at the end.

    `token` is asked at each call; an empty one is not sent. TLS and certificate come from the settings of peers; who
    is no service gives these alone.
    Calls raise grpc.aio.AioRpcError, which `errors.from_rpc_error` reads.
    """
    if isinstance(settings, ServiceSettings):
        peers, limits = settings.peers, settings.rpc
    else:
        peers, limits = settings or PeerSettings(), RpcSettings()
    if peers.ca_file is None:
        inner = grpc.aio.insecure_channel(target, options=_OPTIONS)
    else:
        key, certificate = peers.key_file, peers.certificate_file
        credentials = grpc.ssl_channel_credentials(
            peers.ca_file.read_bytes(),
            key.read_bytes() if key else None,
            certificate.read_bytes() if certificate else None,
        )
        inner = grpc.aio.secure_channel(target, credentials, options=_OPTIONS)
    return _Channel(inner, Calls(limits, token, metrics, clock or SystemClock()))


class _Channel(grpc.aio.Channel):
    """A channel whose methods know the deadline, the token and the repetitions; the rest is the inner one's."""

    def __init__(self, inner: grpc.aio.Channel, calls: Calls) -> None:
        self._inner = inner
        self._calls = calls

    def unary_unary(self, method: str, *arguments: Any, **options: Any) -> Any:
        return UnaryMethod(method, self._inner.unary_unary(method, *arguments, **options), self._calls)

    def unary_stream(self, method: str, *arguments: Any, **options: Any) -> Any:
        return StreamMethod(self._inner.unary_stream(method, *arguments, **options), self._calls)

    def stream_unary(self, method: str, *arguments: Any, **options: Any) -> Any:
        return self._inner.stream_unary(method, *arguments, **options)

    def stream_stream(self, method: str, *arguments: Any, **options: Any) -> Any:
        return self._inner.stream_stream(method, *arguments, **options)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._inner.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._inner.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._inner.channel_ready()

    async def close(self, grace: float | None = None) -> None:
        await self._inner.close(grace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
