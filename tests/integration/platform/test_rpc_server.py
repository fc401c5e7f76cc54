"""What a caller meets at a real server: limits, reading, validation, deadlines, errors, quotas, health."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from acquaint.errors.v1 import error_reason_pb2 as reasons
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from services.platform.errors import DependencyUnavailable, ServiceError, StartRefused, from_rpc_error, not_found
from services.platform.rpc import Server, connect, current_call
from services.platform.settings import RpcSettings
from services.platform.telemetry import Telemetry
from services.platform.testing import eventually
from tests.integration.platform.rpc_echo import LIMIT, Echo, Request, client_token, echo_client, echo_server, settings


async def refused(call: Any) -> ServiceError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return from_rpc_error(caught.value)


async def test_a_valid_call_is_answered_and_counted() -> None:
    async with echo_server() as (server, _), echo_client(server) as stub:
        answer = await stub.Send(Request(text="hello"))
        assert answer.text == "hello"
        value = server.telemetry.metrics.registry.get_sample_value(
            "acquaint_rpc_calls_total", {"method": "acquaint.echo.v1.EchoService/Send", "code": "OK"}
        )
        assert value == 1


@pytest.mark.parametrize("raw", [b"\x0a\xff", b"\x0a\x02\xff\xfe", b"\x07\x00", b"\x0a"])
async def test_malformed_protobuf_is_an_invalid_argument_that_names_no_class(raw: bytes) -> None:
    async with echo_server() as (server, echo), echo_client(server) as stub:
        error = await refused(stub.raw(raw))
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.reason == reasons.ERROR_REASON_MALFORMED_REQUEST
    assert "Echo" not in error.message
    assert "acquaint" not in error.message
    assert echo.handled == []


async def test_a_request_above_its_methods_cap_is_refused_before_it_is_parsed() -> None:
    async with echo_server() as (server, _), echo_client(server) as stub:
        # Not a message at all: that the length is what is refused shows that nothing tried to parse it.
        error = await refused(stub.raw(b"\xff" * (LIMIT + 1)))
    assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.reason == reasons.ERROR_REASON_REQUEST_TOO_LARGE
    assert error.metadata == {"limit_bytes": str(LIMIT)}


async def test_the_transport_cuts_off_what_is_far_above_the_largest_method() -> None:
    async with echo_server() as (server, _), echo_client(server) as stub:
        error = await refused(stub.raw(b"\xff" * 1_000_000))
    assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_broken_constraint_is_named_with_its_field() -> None:
    async with echo_server() as (server, echo), echo_client(server) as stub:
        error = await refused(stub.Send(Request(text="x" * 101)))
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.reason == reasons.ERROR_REASON_INVALID_FIELD
    assert [violation.field for violation in error.violations] == ["text"]
    assert echo.handled == []


async def test_a_service_error_arrives_as_it_was_raised() -> None:
    async def raises(_: Any) -> None:
        raise not_found("person", "p-1")

    async with echo_server() as (server, echo), echo_client(server) as stub:
        echo.behaviour = raises
        error = await refused(stub.Send(Request()))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, reasons.ERROR_REASON_NOT_FOUND)
    assert error.message == "there is no person 'p-1'"


async def test_a_defect_tells_the_caller_nothing_but_the_id_of_its_log_line() -> None:
    async def raises(_: Any) -> None:
        raise KeyError("a secret of somebody")

    async with echo_server() as (server, echo), echo_client(server) as stub:
        echo.behaviour = raises
        error = await refused(stub.Send(Request(), metadata=(("acquaint-request-id", "r-7"),)))
    assert (error.code, error.reason) == (grpc.StatusCode.INTERNAL, reasons.ERROR_REASON_INTERNAL)
    assert "secret" not in error.message
    assert error.metadata == {"request_id": "r-7"}


async def test_a_dependency_that_is_away_is_unavailable_with_a_time_to_wait() -> None:
    async def raises(_: Any) -> None:
        raise DependencyUnavailable("mongodb://user:password@host")

    async with echo_server() as (server, echo), echo_client(server) as stub:
        echo.behaviour = raises
        error = await refused(stub.Send(Request()))
    assert (error.code, error.reason) == (
        grpc.StatusCode.UNAVAILABLE,
        reasons.ERROR_REASON_DEPENDENCY_UNAVAILABLE,
    )
    assert error.retry_after == 1.0
    assert "password" not in error.message


async def test_the_server_drops_work_whose_deadline_passed() -> None:
    dropped = asyncio.Event()

    async def waits(_: Any) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            dropped.set()
            raise

    async with echo_server() as (server, echo), echo_client(server) as stub:
        echo.behaviour = waits
        error = await refused(stub.Send(Request(), timeout=0.1))
        assert error.code is grpc.StatusCode.DEADLINE_EXCEEDED
        await asyncio.wait_for(dropped.wait(), 5)


@pytest.mark.parametrize("given", [None, 60.0])
async def test_a_call_ends_at_the_servers_own_limit_whatever_deadline_it_brings(given: float | None) -> None:
    async def waits(_: Any) -> None:
        await asyncio.Event().wait()

    async with echo_server(RpcSettings(maximum_seconds=0.05)) as (server, echo):
        echo.behaviour = waits
        token = client_token()()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as bare:
            send = bare.unary_unary("/acquaint.echo.v1.EchoService/Send", Request.SerializeToString)
            error = await refused(send(Request(), timeout=given, metadata=(("authorization", f"Bearer {token}"),)))
    assert (error.code, error.reason) == (
        grpc.StatusCode.DEADLINE_EXCEEDED,
        reasons.ERROR_REASON_DEADLINE_EXCEEDED,
    )


async def test_a_call_without_a_deadline_is_refused_where_one_is_required() -> None:
    async with echo_server(RpcSettings(deadline_required=True)) as (server, _):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as bare:
            send = bare.unary_unary("/acquaint.echo.v1.EchoService/Send", Request.SerializeToString)
            error = await refused(send(Request(), metadata=(("authorization", f"Bearer {client_token()()}"),)))
        assert error.code is grpc.StatusCode.INVALID_ARGUMENT
        async with echo_client(server) as stub:
            assert (await stub.Send(Request(text="with the client's default deadline"))).text


async def test_a_client_above_its_quota_is_told_when_to_come_back_and_others_are_not_touched() -> None:
    async with echo_server(RpcSettings(quota_per_second=0.1, quota_burst=2)) as (server, _):
        async with echo_client(server, client_token(client="greedy")) as greedy:
            await greedy.Send(Request())
            await greedy.Send(Request())
            error = await refused(greedy.Send(Request()))
        async with echo_client(server, client_token(client="modest")) as modest:
            await modest.Send(Request())
    assert (error.code, error.reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        reasons.ERROR_REASON_QUOTA_EXCEEDED,
    )
    assert error.retry_after == pytest.approx(10, abs=0.5)


async def test_calls_above_the_concurrent_limit_are_shed_with_a_time_to_wait() -> None:
    release = asyncio.Event()

    async def waits(_: Any) -> None:
        await release.wait()

    async with echo_server(RpcSettings(maximum_concurrent_rpcs=1)) as (server, echo), echo_client(server) as stub:
        echo.behaviour = waits
        first = asyncio.ensure_future(stub.Send(Request()))
        await eventually(lambda: len(echo.handled) == 1, what="the first call")
        error = await refused(stub.Send(Request()))
        release.set()
        await first
        await stub.Send(Request())
    assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.retry_after is not None
    assert 0.2 <= error.retry_after <= 1.0


async def test_a_handler_knows_its_call_and_passes_id_deadline_and_person_on() -> None:
    seen: list[Any] = []

    async with echo_server() as (inner, inner_echo), echo_server() as (outer, outer_echo):
        token = client_token(client="outer", acting_for="*")
        async with echo_client(inner, token) as to_inner, echo_client(outer) as stub:

            async def calls_on(_: Any) -> None:
                seen.append(current_call())
                await to_inner.Send(Request())

            async def records(_: Any) -> None:
                seen.append(current_call())

            outer_echo.behaviour, inner_echo.behaviour = calls_on, records
            await stub.Send(Request(), timeout=2.0, metadata=(("acquaint-request-id", "r-1"),))
    first, second = seen
    assert (first.request_id, second.request_id) == ("r-1", "r-1")
    assert second.deadline <= first.deadline + 0.1
    assert (first.principal.client, second.principal.client) == ("acquaint-cli", "outer")


async def test_a_stream_is_ended_with_unavailable_when_the_server_stops() -> None:
    async with echo_server() as (server, echo), echo_client(server) as stub:
        stream = stub.Watch(Request(text="first"))
        assert (await stream.read()).text == "first"
        await server.stop(30)  # far longer than the test may take: the stream does not hold the server up
        error = await refused(stream.read())
        assert error.code is grpc.StatusCode.UNAVAILABLE
        assert echo.closed_streams == 1


async def test_a_stream_whose_reader_leaves_is_closed() -> None:
    async with echo_server() as (server, echo), echo_client(server) as stub:
        stream = stub.Watch(Request(text="first"))
        await stream.read()
        stream.cancel()
        await eventually(lambda: echo.closed_streams == 1, what="the stream's end")


async def test_an_error_in_the_middle_of_a_stream_arrives_after_what_was_sent() -> None:
    async def raises(_: Any) -> None:
        raise not_found("cursor", "9")

    async with echo_server() as (server, echo), echo_client(server) as stub:
        echo.behaviour = raises
        stream = stub.Watch(Request(text="first"))
        assert (await stream.read()).text == "first"
        error = await refused(stream.read())
    assert error.code is grpc.StatusCode.NOT_FOUND


async def test_a_call_in_flight_completes_while_the_server_stops() -> None:
    release = asyncio.Event()

    async def waits(_: Any) -> None:
        await release.wait()

    async with echo_server() as (server, echo), echo_client(server) as stub:
        echo.behaviour = waits
        call = asyncio.ensure_future(stub.Send(Request(text="in flight")))
        await eventually(lambda: len(echo.handled) == 1, what="the call")
        asyncio.get_running_loop().call_later(0.05, release.set)
        await server.stop(30)
        assert (await call).text == "in flight"


async def test_a_handler_that_outlasts_the_grace_is_cancelled_before_stop_returns() -> None:
    ended = asyncio.Event()

    async def waits(_: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with echo_server() as (server, echo), echo_client(server) as stub:
        echo.behaviour = waits
        call = asyncio.ensure_future(stub.Send(Request()))
        await eventually(lambda: len(echo.handled) == 1, what="the call")
        await server.stop(0.05)
        assert ended.is_set()
        await asyncio.gather(call, return_exceptions=True)


async def test_health_is_told_per_service_and_ends_with_the_stop() -> None:
    async with echo_server() as (server, _), connect(f"127.0.0.1:{server.port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", "acquaint.echo.v1.EchoService"):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        await server.serving(False)
        answer = await health.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_reflection_is_there_only_where_it_is_set() -> None:
    async def names(rpc: RpcSettings) -> list[str]:
        async with echo_server(rpc) as (server, _), connect(f"127.0.0.1:{server.port}") as channel:
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            request = reflection_pb2.ServerReflectionRequest(list_services="")
            answers = stub.ServerReflectionInfo(iter([request]))
            return [each.name async for answer in answers for each in answer.list_services_response.service]

    assert "acquaint.echo.v1.EchoService" in await names(RpcSettings(reflection=True))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await names(RpcSettings())
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_taken_port_is_refused_in_one_sentence_that_names_the_setting() -> None:
    async with echo_server() as (server, _):
        chosen = settings(RpcSettings(port=server.port))
        second = Server(chosen, [Echo().mount()], telemetry=Telemetry(settings=chosen.telemetry))
        with pytest.raises(StartRefused, match="ACQUAINT_RPC__PORT"):
            await second.start()


async def test_a_read_is_repeated_until_the_server_is_there_and_a_write_is_not() -> None:
    async def away(_: Any) -> None:
        if len(echo.handled) < 3:
            raise DependencyUnavailable("away")

    async with echo_server() as (server, echo), echo_client(server, client_token(person="p-1")) as stub:
        echo.behaviour = away
        assert (await stub.GetOwn(Request(person_id="p-1", text="third time"))).text == "third time"
        assert len(echo.handled) == 3
    async with echo_server() as (server, echo), echo_client(server) as stub:
        echo.behaviour = away
        assert (await refused(stub.Send(Request()))).code is grpc.StatusCode.UNAVAILABLE
        assert len(echo.handled) == 1
