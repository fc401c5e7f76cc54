"""One call to another service: its deadline, its metadata, and the repetition of reads that were not answered.

Only UNAVAILABLE is repeated, and only for methods whose verb says that they change nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any

import grpc

from services.platform.auth.authenticator import AUTHORIZATION
from services.platform.call import call
from services.platform.clock import Clock
from services.platform.interceptors.chain import REQUEST_ID
from services.platform.settings import RpcSettings
from services.platform.telemetry import Metrics, current_traceparent
from services.platform.telemetry.traces import TRACEPARENT

Pairs = Sequence[tuple[str, str | bytes]]
_READS = ("Get", "BatchGet", "List", "Suggest", "BatchSuggest", "Check", "Search")
_FIRST_PAUSE_SECONDS = 0.05


class Calls:
    """What all calls over one channel share."""

    def __init__(self, limits: RpcSettings, token: Callable[[], str], metrics: Metrics | None, clock: Clock) -> None:
        self.limits = limits
        self.clock = clock
        self._token = token
        self._metrics = metrics

    def timeout(self, given: float | None, default: float) -> float:
        """Seconds: what the caller gives, else the default, never beyond the call that is being handled here."""
        wanted = default if given is None else given
        handled = call.get()
        return wanted if handled is None else min(wanted, max(handled.deadline - self.clock.monotonic(), 0.0))

    def metadata(self, given: Pairs | None) -> list[tuple[str, str | bytes]]:
        pairs = list(given or ())
        if token := self._token():
            pairs.append((AUTHORIZATION, f"Bearer {token}"))
        if traceparent := current_traceparent():
            pairs.append((TRACEPARENT, traceparent))
        if handled := call.get():
            pairs.append((REQUEST_ID, handled.request_id))
        return pairs

    def count(self, method: str, code: grpc.StatusCode) -> None:
        if self._metrics is not None:
            self._metrics.rpc_client_calls.labels(method, code.name).inc()


class UnaryMethod:
    """A method that gives one answer. Calling it gives an awaitable; the call begins when it is awaited."""

    def __init__(self, path: str, method: grpc.aio.UnaryUnaryMultiCallable[Any, Any], calls: Calls) -> None:
        self._name = path.removeprefix("/")
        self._method = method
        self._calls = calls
        self._repetitions = calls.limits.retries if path.rpartition("/")[2].startswith(_READS) else 0

    def __call__(
        self, request: Any, *, timeout: float | None = None, metadata: Pairs | None = None, **options: Any
    ) -> Awaitable[Any]:
        return _Awaitable(lambda: self._answer(request, timeout, metadata, options))

    async def _answer(
        self, request: Any, timeout: float | None, metadata: Pairs | None, options: dict[str, Any]
    ) -> Any:
        calls, left, pause = self._calls, self._repetitions, _FIRST_PAUSE_SECONDS
        end = calls.clock.monotonic() + calls.timeout(timeout, calls.limits.timeout_seconds)
        sent = calls.metadata(metadata)
        while True:
            remaining = end - calls.clock.monotonic()
            try:
                answer = await self._method(request, timeout=max(remaining, 0.0), metadata=sent, **options)
            except grpc.aio.AioRpcError as error:
                calls.count(self._name, error.code())
                if error.code() is not grpc.StatusCode.UNAVAILABLE or not left or remaining <= pause:
                    raise
            else:
                calls.count(self._name, grpc.StatusCode.OK)
                return answer
            left -= 1
            await calls.clock.sleep(pause * (0.5 + calls.clock.random.random()))
            pause *= 2


class _Awaitable:
    def __init__(self, start: Callable[[], Awaitable[Any]]) -> None:
        self._start = start

    def __await__(self) -> Generator[Any, None, Any]:
        return self._start().__await__()


class StreamMethod:
    """A method that gives a stream of answers; whoever reads it resumes it with the cursor of the request."""

    def __init__(self, method: grpc.aio.UnaryStreamMultiCallable[Any, Any], calls: Calls) -> None:
        self._method = method
        self._calls = calls

    def __call__(
        self, request: Any, *, timeout: float | None = None, metadata: Pairs | None = None, **options: Any
    ) -> grpc.aio.UnaryStreamCall[Any, Any]:
        seconds = self._calls.timeout(timeout, self._calls.limits.maximum_stream_seconds)
        return self._method(request, timeout=seconds, metadata=self._calls.metadata(metadata), **options)
