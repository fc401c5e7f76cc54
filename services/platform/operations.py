"""What a service tells an operator about its outbox and its consumers, served as OperationsService by each of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from acquaint.operations.v1 import operations_service_pb2, operations_service_pb2_grpc
from acquaint.operations.v1.operations_service_pb2 import (
    ConsumerStatus,
    GetStatusRequest,
    GetStatusResponse,
    ResumeConsumerRequest,
    ResumeConsumerResponse,
    ShardStatus,
)

from services.platform.errors import not_found
from services.platform.rpc import Mount


async def _nothing() -> Sequence[Any]:
    return ()


async def _no_consumer(group: str, topic: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """Where the answers come from. `resume(group, topic)` says whether there is such a consumer."""

    shards: Callable[[], Awaitable[Sequence[ShardStatus]]] = _nothing
    consumers: Callable[[], Awaitable[Sequence[ConsumerStatus]]] = _nothing
    resume: Callable[[str, str], Awaitable[bool]] = _no_consumer

    def mount(self, service: str, environment: str, ready: Callable[[], bool]) -> Mount:
        """The mount for the service's server."""
        return Mount(
            add=operations_service_pb2_grpc.add_OperationsServiceServicer_to_server,
            servicer=_Servicer(self, service, environment, ready),
            service=operations_service_pb2.DESCRIPTOR.services_by_name["OperationsService"],
        )


class _Servicer(operations_service_pb2_grpc.OperationsServiceServicer):
    def __init__(self, operations: Operations, service: str, environment: str, ready: Callable[[], bool]) -> None:
        self._operations = operations
        self._service = service
        self._environment = environment
        self._ready = ready
        self._version = version("acquaint")

    async def GetStatus(self, request: GetStatusRequest, context: object) -> GetStatusResponse:
        return GetStatusResponse(
            service=self._service,
            environment=self._environment,
            ready=self._ready(),
            shards=await self._operations.shards(),
            consumers=await self._operations.consumers(),
            version=self._version,
        )

    async def ResumeConsumer(self, request: ResumeConsumerRequest, context: object) -> ResumeConsumerResponse:
        if not await self._operations.resume(request.group, request.topic):
            raise not_found("consumer", f"{request.group} {request.topic}".strip())
        return ResumeConsumerResponse()
