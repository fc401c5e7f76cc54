"""One wrapper around each method: limits, deadline, identity, policy, reading, validation, errors, metrics, trace.

Built once per method, because seven interceptors that run on every call cost more than most handlers.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import grpc
from acquaint.errors.v1 import error_reason_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from opentelemetry.trace import SpanKind

from services.platform.auth import Authenticator, Principal, policy_of
from services.platform.call import CallContext, call
from services.platform.clock import Clock
from services.platform.errors import ServiceError, invalid, unavailable
from services.platform.interceptors.failures import deadline_exceeded, failure_of, trailers_of
from services.platform.interceptors.limits import Gate, Quota
from services.platform.interceptors.requests import reader
from services.platform.settings import RpcSettings
from services.platform.telemetry import Telemetry, span_from
from services.platform.telemetry.traces import TRACEPARENT

Context = grpc.aio.ServicerContext[Any, Any]
Handler = Callable[[bytes, Context], Awaitable[Any]]
REQUEST_ID = "acquaint-request-id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NOBODY = Principal(client="")


class Chain:
    """Wraps the methods of services. `unary` and `streams` count the calls that are being handled."""

    def __init__(
        self, settings: RpcSettings, authenticator: Authenticator, *, clock: Clock, telemetry: Telemetry
    ) -> None:
        self._settings = settings
        self._authenticator = authenticator
        self._clock = clock
        self._telemetry = telemetry
        self._quota = Quota(settings, clock)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stream_tasks: set[asyncio.Task[Any]] = set()
        self._draining = asyncio.Event()
        self.unary = Gate(settings.maximum_concurrent_rpcs, clock)
        self.streams = Gate(settings.maximum_streams, clock)
        metrics = telemetry.metrics
        metrics.rpc_in_flight.labels("unary").set_function(lambda: self.unary.inside)
        metrics.rpc_in_flight.labels("stream").set_function(lambda: self.streams.inside)

    def wrap(
        self, service: ServiceDescriptor, handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]]
    ) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
        """The service's handlers, wrapped; raises ValueError for a method that cannot be protected."""
        wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        for name, handler in handlers.items():
            method = service.methods_by_name[name]
            if method.client_streaming:
                raise ValueError(f"{method.full_name} takes a stream of requests, which no limit here protects")
            if method.server_streaming:
                wrapped[name] = grpc.unary_stream_rpc_method_handler(
                    self._stream(method, handler.unary_stream), None, handler.response_serializer
                )
            else:
                wrapped[name] = grpc.unary_unary_rpc_method_handler(
                    self._unary(method, handler.unary_unary), None, handler.response_serializer
                )
        return wrapped

    def end_streams(self) -> None:
        """Ends every stream with UNAVAILABLE, so that its reader resumes elsewhere; later ones are refused."""
        self._draining.set()
        for task in self._stream_tasks:
            task.cancel()

    async def finished(self, seconds: float) -> None:
        """Returns when no handler runs any more; cancels those that still do after `seconds` and waits for them."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _unary(self, method: MethodDescriptor, behaviour: Any) -> Handler:
        async def run(request: Message, context: Context) -> Any:
            return await behaviour(request, context)

        return self._guarded(method, run, self.unary, self._settings.maximum_seconds)

    def _stream(self, method: MethodDescriptor, behaviour: Any) -> Handler:
        async def run(request: Message, context: Context) -> None:
            if self._draining.is_set():
                raise _stopping()
            task = asyncio.current_task()
            assert task is not None
            self._stream_tasks.add(task)
            try:
                answers: AsyncIterator[Any] = behaviour(request, context)
                async with aclosing(answers):  # type: ignore[type-var]
                    async for answer in answers:
                        await context.write(answer)
            except asyncio.CancelledError:
                if not self._draining.is_set():
                    raise
                task.uncancel()
                raise _stopping() from None
            finally:
                self._stream_tasks.discard(task)

        return self._guarded(method, run, self.streams, self._settings.maximum_stream_seconds)

    def _guarded(
        self,
        method: MethodDescriptor,
        run: Callable[[Message, Context], Awaitable[Any]],
        gate: Gate,
        most_seconds: float,
    ) -> Handler:
        policy = policy_of(method)
        read = reader(method.input_type, policy.request_bytes)
        name, clock, tasks, traced = policy.method, self._clock, self._tasks, self._telemetry.traced
        calls, seconds = self._telemetry.metrics.rpc_calls, self._telemetry.metrics.rpc_seconds.labels(name)
        by_code = {code: calls.labels(name, code.name) for code in grpc.StatusCode}

        async def handle_admitted(raw: bytes, context: Context, metadata: Mapping[str, Any], request_id: str) -> Any:
            deadline, is_ours = self._deadline(context, most_seconds)
            principal = await self._authenticator.authenticate(metadata, context.auth_context)
            decided = policy.admit(principal)
            self._quota.take(principal.client or principal.person or "")
            request = read(raw)
            if not decided:
                policy.admit_person(principal, request)
            elif principal.unrestricted and principal.acting_for is None:
                principal = replace(principal, acting_for=policy.person_of(request))
            traceparent = metadata.get(TRACEPARENT)
            # Every call is a task of its own, so nothing has to be reset.
            call.set(
                CallContext(
                    principal=principal, request_id=request_id, deadline=deadline, method=name, traceparent=traceparent
                )
            )
            if not is_ours:
                # The caller's own deadline: the transport cancels this task when it passes.
                return await run(request, context)
            try:
                async with asyncio.timeout(deadline - clock.monotonic()) as limit:
                    return await run(request, context)
            except TimeoutError:
                if limit.expired():
                    raise deadline_exceeded() from None
                raise

        async def handle(raw: bytes, context: Context) -> Any:
            started = clock.monotonic()
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            task.add_done_callback(tasks.discard)  # not before the answer is on its way
            code, entered, request_id = grpc.StatusCode.CANCELLED, False, ""
            try:
                metadata: dict[str, Any] = dict(context.invocation_metadata() or ())
                request_id = self._request_id(metadata)
                gate.enter()
                entered = True
                traceparent = metadata.get(TRACEPARENT)
                if traceparent is None and not traced:
                    answer = await handle_admitted(raw, context, metadata, request_id)
                else:
                    with span_from(traceparent, name, kind=SpanKind.SERVER):
                        answer = await handle_admitted(raw, context, metadata, request_id)
                code = grpc.StatusCode.OK
                return answer
            except Exception as error:
                failure = failure_of(error, method=name, request_id=request_id)
                code = failure.code
            finally:
                if entered:
                    gate.leave()
                by_code[code].inc()
                seconds.observe(clock.monotonic() - started)
            return await context.abort(failure.code, failure.message, trailers_of(failure))

        return handle

    def _request_id(self, metadata: Mapping[str, Any]) -> str:
        given = metadata.get(REQUEST_ID)
        return given if isinstance(given, str) and _REQUEST_ID.fullmatch(given) else self._clock.new_id()

    def _deadline(self, context: Context, most_seconds: float) -> tuple[float, bool]:
        """The instant on the clock by which the call must be done, and whether it is our limit or the caller's."""
        remaining: float | None = context.time_remaining()
        now = self._clock.monotonic()
        if remaining is None or remaining > most_seconds:
            if remaining is None and self._settings.deadline_required:
                raise invalid("grpc-timeout", "a call needs a deadline")
            return now + most_seconds, True
        if remaining <= 0:
            raise deadline_exceeded()
        return now + remaining, False


def _stopping() -> ServiceError:
    return unavailable("the server is stopping; resume the stream", error_reason_pb2.ERROR_REASON_NOT_READY, 0.1)
