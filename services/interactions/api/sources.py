"""SourceService: register, read, switch, release."""

from __future__ import annotations

from acquaint.interactions.v1 import source_pb2
from acquaint.interactions.v1 import source_service_pb2 as pb
from acquaint.interactions.v1 import source_service_pb2_grpc as grpc_pb

from services.interactions import messages
from services.interactions.domain import Source
from services.interactions.registry import Registry
from services.platform import paging


class SourceServicer(grpc_pb.SourceServiceServicer):
    """Serves acquaint.interactions.v1.SourceService."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def RegisterSource(self, request: pb.RegisterSourceRequest, context: object) -> pb.RegisterSourceResponse:
        wanted = request.source
        source = await self._registry.register(wanted.source_id, wanted.purpose, wanted.enabled)
        return pb.RegisterSourceResponse(source=await self._message(source))

    async def GetSource(self, request: pb.GetSourceRequest, context: object) -> pb.GetSourceResponse:
        return pb.GetSourceResponse(source=await self._message(await self._registry.get(request.source_id)))

    async def ListSources(self, request: pb.ListSourcesRequest, context: object) -> pb.ListSourcesResponse:
        position = paging.decode(request)
        limit = paging.size(request)
        found = await self._registry.page(after="" if position is None else str(position[0]), limit=limit + 1)
        aside = await self._registry.quarantined()
        page = [messages.source_message(each, quarantined=each.source_id in aside) for each in found[:limit]]
        token = paging.encode(request, found[limit - 1].source_id) if len(found) > limit else ""
        return pb.ListSourcesResponse(sources=page, next_page_token=token)

    async def SwitchSource(self, request: pb.SwitchSourceRequest, context: object) -> pb.SwitchSourceResponse:
        source = await self._registry.switch(request.source_id, request.enabled, request.etag)
        return pb.SwitchSourceResponse(source=await self._message(source))

    async def ReleaseSource(self, request: pb.ReleaseSourceRequest, context: object) -> pb.ReleaseSourceResponse:
        await self._registry.release(request.source_id)
        return pb.ReleaseSourceResponse()

    async def _message(self, source: Source) -> source_pb2.Source:
        return messages.source_message(source, quarantined=source.source_id in await self._registry.quarantined())
