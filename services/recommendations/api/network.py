"""NetworkService: a person's own ties, to nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from acquaint.recommendations.v1 import network_service_pb2 as pb
from acquaint.recommendations.v1 import network_service_pb2_grpc

from services.platform import paging
from services.platform.errors import invalid
from services.recommendations.api.errors import translated
from services.recommendations.api.positions import Positions
from services.recommendations.graph import Graph, Tie
from services.recommendations.suggestions import NotReadyYet, Suggester

_MOST = 64
_DAY_US = 86_400_000_000


class NetworkServicer(network_service_pb2_grpc.NetworkServiceServicer):
    """proto ⇄ domain, and nothing else."""

    def __init__(self, *, suggester: Suggester, graph: Callable[[], Graph | None], positions: Positions) -> None:
        self._suggester = suggester
        self._graph = graph
        self._positions = positions

    async def ListTies(self, request: pb.ListTiesRequest, context: object) -> pb.ListTiesResponse:
        as_of_us = self._positions.instant(request.as_of if request.HasField("as_of") else None)
        size = paging.size(request, _MOST, _MOST)
        begin = _begin(request)
        with translated(person_id=request.person_id):
            self._suggester.person(request.person_id)
            graph = self._graph()
            if graph is None:
                raise NotReadyYet
            position = graph.position
            ties = await asyncio.to_thread(graph.ties, request.person_id, as_of_us=as_of_us, limit=_MOST)
        end = begin + size
        return pb.ListTiesResponse(
            ties=[_tie(each) for each in ties[begin:end]],
            next_page_token=paging.encode(request, end) if end < len(ties) else "",
            position=self._positions.message(position, as_of_us),
        )


def _begin(request: pb.ListTiesRequest) -> int:
    match paging.decode(request):
        case None:
            return 0
        case (int(begin),):
            return begin
        case _:
            raise invalid("page_token", "is damaged; start at the first page")


def _tie(tie: Tie) -> pb.Tie:
    message = pb.Tie(person_id=tie.person_id, strength=tie.strength)
    message.last_contact_time.FromMicroseconds(tie.last_us // _DAY_US * _DAY_US)
    return message
