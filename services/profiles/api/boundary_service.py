"""BoundaryService: "never match me with X", set and removed without anybody learning of it."""

from __future__ import annotations

from acquaint.profiles.v1 import boundary_service_pb2 as pb
from acquaint.profiles.v1 import boundary_service_pb2_grpc

from services.platform import paging
from services.profiles.people.protecting import Protecting
from services.profiles.store import Boundaries


class BoundaryService(boundary_service_pb2_grpc.BoundaryServiceServicer):
    """Only the person themselves gets here; the proto declares it."""

    def __init__(self, boundaries: Boundaries, protecting: Protecting) -> None:
        self._boundaries = boundaries
        self._protecting = protecting

    async def SetBoundary(self, request: pb.SetBoundaryRequest, context: object) -> pb.SetBoundaryResponse:
        await self._protecting.set_boundary(request.person_id, request.other_person_id)
        return pb.SetBoundaryResponse()

    async def RemoveBoundary(self, request: pb.RemoveBoundaryRequest, context: object) -> pb.RemoveBoundaryResponse:
        await self._protecting.remove_boundary(request.person_id, request.other_person_id)
        return pb.RemoveBoundaryResponse()

    async def ListBoundaries(self, request: pb.ListBoundariesRequest, context: object) -> pb.ListBoundariesResponse:
        size = paging.size(request)
        (after,) = paging.decode(request) or ("",)
        others = await self._boundaries.set_by(request.person_id, str(after), size + 1)
        return pb.ListBoundariesResponse(
            other_person_ids=others[:size],
            next_page_token=paging.encode(request, others[size - 1]) if len(others) > size else "",
        )
