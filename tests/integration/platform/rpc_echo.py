"""A small gRPC service with one method for each kind of policy, described at run time: no service's proto is needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from acquaint.options.v1 import options_pb2
from buf.validate import validate_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from services.platform.auth import development_token
from services.platform.rpc import Mount, Server, connect
from services.platform.settings import AuthSettings, RpcSettings, ServiceSettings
from services.platform.telemetry import Telemetry

KEY = "a key for tests only, 32 characters or more"
PACKAGE = "acquaint.echo.v1"
SERVICE = f"{PACKAGE}.EchoService"
SYSTEM, SELF = options_pb2.AUDIENCE_SYSTEM, options_pb2.AUDIENCE_SELF
FACILITATOR, OPERATOR = options_pb2.AUDIENCE_FACILITATOR, options_pb2.AUDIENCE_OPERATOR
LIMIT = 200


def _described() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="echo.proto", package=PACKAGE, syntax="proto3")
    file.dependency.extend(["acquaint/options/v1/options.proto", "buf/validate/validate.proto"])
    for name in ("EchoRequest", "EchoResponse"):
        message = file.message_type.add(name=name)
        for number, field in enumerate(("person_id", "text"), 1):
            message.field.add(
                name=field,
                number=number,
                type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
                label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
            )
    file.message_type[0].field[1].options.Extensions[validate_pb2.field].string.max_len = 100
    service = file.service.add(name="EchoService")
    declared: dict[str, list[Any] | None] = {
        "Send": [SYSTEM],
        "GetOwn": [SELF],
        "Guide": [FACILITATOR],
        "Operate": [OPERATOR],
        "Undeclared": None,
        "Watch": [SYSTEM],
    }
    for name, audience in declared.items():
        method = service.method.add(
            name=name,
            input_type=f".{PACKAGE}.EchoRequest",
            output_type=f".{PACKAGE}.EchoResponse",
            server_streaming=name == "Watch",
        )
        if audience is not None:
            method.options.Extensions[options_pb2.method].CopyFrom(
                options_pb2.MethodPolicy(audience=audience, max_request_bytes=LIMIT)
            )
    pool = descriptor_pool.Default()
    pool.Add(file)
    return pool.FindServiceByName(SERVICE)


DESCRIPTOR = _described()
Request: Any = message_factory.GetMessageClass(DESCRIPTOR.methods_by_name["Send"].input_type)
Response: Any = message_factory.GetMessageClass(DESCRIPTOR.methods_by_name["Send"].output_type)


class Echo:
    """Answers with the request's text; `behaviour` may be replaced to do something else first."""

    def __init__(self) -> None:
        self.behaviour: Callable[[Any], Any] | None = None
        self.handled: list[Any] = []
        self.closed_streams = 0

    async def answer(self, request: Any, context: Any) -> Any:
        self.handled.append(request)
        text = request.text
        if self.behaviour is not None:
            said = await self.behaviour(request)
            text = said if said is not None else text
        return Response(person_id=request.person_id, text=text)

    async def watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.handled.append(request)
        try:
            yield Response(text=request.text)
            if self.behaviour is not None:
                await self.behaviour(request)
            else:
                await asyncio.Event().wait()
        finally:
            self.closed_streams += 1

    def mount(self) -> Mount:
        def add(servicer: Echo, server: Any) -> None:
            handlers = {}
            for method in DESCRIPTOR.methods:
                make, behaviour = (
                    (grpc.unary_stream_rpc_method_handler, servicer.watch)
                    if method.server_streaming
                    else (grpc.unary_unary_rpc_method_handler, servicer.answer)
                )
                handlers[method.name] = make(behaviour, Request.FromString, Response.SerializeToString)
            server.add_registered_method_handlers(SERVICE, handlers)

        return Mount(add=add, servicer=self, service=DESCRIPTOR)


class Stub:
    """The client's side of the echo service; `raw` sends bytes as they are."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        for method in DESCRIPTOR.methods:
            make = channel.unary_stream if method.server_streaming else channel.unary_unary
            path = f"/{SERVICE}/{method.name}"
            setattr(self, method.name, make(path, Request.SerializeToString, Response.FromString))
        self.raw: Any = channel.unary_unary(f"/{SERVICE}/Send", bytes, Response.FromString)


def settings(rpc: RpcSettings | None = None, auth: AuthSettings | None = None) -> ServiceSettings:
    return ServiceSettings(
        environment="development",
        auth=auth or AuthSettings(mode="development", development_key=KEY),
        rpc=rpc or RpcSettings(),
    )


def client_token(**claims: Any) -> Callable[[], str]:
    token = development_token(KEY, **claims)
    return lambda: token


@asynccontextmanager
async def echo_server(
    rpc: RpcSettings | None = None, auth: AuthSettings | None = None, echo: Echo | None = None, **options: Any
) -> AsyncIterator[tuple[Server, Echo]]:
    chosen, served = settings(rpc, auth), echo or Echo()
    server = Server(chosen, [served.mount()], telemetry=Telemetry(settings=chosen.telemetry), **options)
    await server.start()
    await server.serving(True)
    try:
        yield server, served
    finally:
        await server.stop(0)


@asynccontextmanager
async def echo_client(server: Server, token: Callable[[], str] | None = None, **options: Any) -> AsyncIterator[Stub]:
    target = f"127.0.0.1:{server.port}"
    async with connect(target, token=token if token is not None else client_token(), **options) as channel:
        yield Stub(channel)
