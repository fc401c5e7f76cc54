"""IntroductionService: suggestions, what a participant sees and answers, what operators and other services ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from acquaint.operations.v1.operations_service_pb2 import ShardStatus
from acquaint.recommendations.v1 import introduction_pb2, introduction_service_pb2_grpc
from acquaint.recommendations.v1 import introduction_service_pb2 as pb
from google.protobuf.message import Message

from services.platform import paging
from services.platform.clock import Clock
from services.platform.errors import invalid, to_status
from services.recommendations import messages
from services.recommendations.api.errors import no_such_person, translated
from services.recommendations.api.positions import Positions
from services.recommendations.domain.introduction import Introduction
from services.recommendations.domain.kinds import Kind
from services.recommendations.domain.lifecycle import UnknownIntroduction
from services.recommendations.domain.view import proposal, view, wanted
from services.recommendations.graph import Graph, Position
from services.recommendations.lifecycle import Lifecycle
from services.recommendations.store import DueStore, IntroductionStore, LaunchStore
from services.recommendations.suggestions import NoSuchPerson, NotReadyYet, Suggester, Suggestions

_LIST = 10
_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the calls are answered from. `plan` wakes the planner; `graph` is the replica's, None before the first."""

    lifecycle: Lifecycle
    introductions: IntroductionStore
    launch: LaunchStore
    due: DueStore
    suggester: Suggester
    positions: Positions
    graph: Callable[[], Graph | None]
    shards: Callable[[], Awaitable[Sequence[ShardStatus]]]
    plan: Callable[[], None]
    clock: Clock


class IntroductionServicer(introduction_service_pb2_grpc.IntroductionServiceServicer):
    """proto ⇄ domain, and nothing else."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def SuggestIntroductions(
        self, request: pb.SuggestIntroductionsRequest, context: object
    ) -> pb.SuggestIntroductionsResponse:
        as_of_us = self._parts.positions.instant(request.as_of if request.HasField("as_of") else None)
        with translated(person_id=request.person_id):
            found = await self._parts.suggester.suggest(
                request.person_id, kinds=_kinds(request.kinds), limit=request.limit or _LIST, as_of_us=as_of_us
            )
        self._parts.suggester.served(found)
        return pb.SuggestIntroductionsResponse(
            suggestions=_suggestions(found), position=self._parts.positions.message(found.position, as_of_us)
        )

    async def BatchSuggestIntroductions(
        self, request: pb.BatchSuggestIntroductionsRequest, context: object
    ) -> pb.BatchSuggestIntroductionsResponse:
        as_of_us = self._parts.positions.instant(request.as_of if request.HasField("as_of") else None)
        with translated():
            found = await self._parts.suggester.suggest_batch(
                request.person_ids, kinds=_kinds(request.kinds), limit=request.limit or _LIST, as_of_us=as_of_us
            )
            position = _position_of(found, self._parts.graph())
        for each in found:
            if isinstance(each, Suggestions):
                self._parts.suggester.served(each)
        lists = [
            pb.PersonSuggestions(person_id=person_id, error=to_status(no_such_person(person_id)))
            if isinstance(each, NoSuchPerson)
            else pb.PersonSuggestions(person_id=person_id, suggestions=_suggestions(each))
            for person_id, each in zip(request.person_ids, found, strict=True)
        ]
        return pb.BatchSuggestIntroductionsResponse(
            lists=lists, position=self._parts.positions.message(position, as_of_us)
        )

    async def GetIntroduction(self, request: pb.GetIntroductionRequest, context: object) -> pb.GetIntroductionResponse:
        found = await self._parts.introductions.get(request.introduction_id)
        seen = view(found, request.person_id, self._parts.clock.now()) if found is not None else None
        with translated(introduction_id=request.introduction_id):
            if seen is None:
                raise UnknownIntroduction
            return pb.GetIntroductionResponse(introduction=messages.introduction(seen))

    async def ListIntroductions(
        self, request: pb.ListIntroductionsRequest, context: object
    ) -> pb.ListIntroductionsResponse:
        size, after, now = paging.size(request), _after(request), self._parts.clock.now()
        found: list[introduction_pb2.Introduction] = []
        while True:
            page = await self._parts.introductions.of_person(request.person_id, after=after, limit=_PAGE)
            for each in page:
                seen = view(each, request.person_id, now)
                if seen is None or request.state not in (0, messages.STATES[seen.state]):
                    continue
                if len(found) == size:
                    return pb.ListIntroductionsResponse(introductions=found, next_page_token=_token(request, after))
                found.append(messages.introduction(seen))
                after = (each.create_time, each.introduction_id)
            if len(page) < _PAGE:
                return pb.ListIntroductionsResponse(introductions=found)
            after = (page[-1].create_time, page[-1].introduction_id)

    async def ListProposals(self, request: pb.ListProposalsRequest, context: object) -> pb.ListProposalsResponse:
        size = paging.size(request)
        page = await self._parts.introductions.proposals(after=_after(request), limit=size + 1)
        last = (page[size - 1].create_time, page[size - 1].introduction_id) if len(page) > size else None
        return pb.ListProposalsResponse(
            introductions=[messages.introduction(proposal(each)) for each in page[:size]],
            next_page_token=_token(request, last) if last is not None else "",
        )

    async def RespondToInvitation(
        self, request: pb.RespondToInvitationRequest, context: object
    ) -> pb.RespondToInvitationResponse:
        answer = messages.ANSWERS_BACK[request.answer]
        until = request.snooze_until.ToDatetime(UTC) if request.HasField("snooze_until") else None
        with translated(introduction_id=request.introduction_id):
            seen = await self._parts.lifecycle.respond(request.introduction_id, request.person_id, answer, until)
        return pb.RespondToInvitationResponse(introduction=messages.introduction(seen))

    async def CheckInvitations(
        self, request: pb.CheckInvitationsRequest, context: object
    ) -> pb.CheckInvitationsResponse:
        found = await self._parts.introductions.many({each.introduction_id for each in request.messages})
        now = self._parts.clock.now()
        return pb.CheckInvitationsResponse(
            wanted=[_wanted(found.get(each.introduction_id), each, now) for each in request.messages]
        )

    async def GetLaunchMode(self, request: pb.GetLaunchModeRequest, context: object) -> pb.GetLaunchModeResponse:
        return pb.GetLaunchModeResponse(mode=messages.MODES[await self._parts.launch.mode()])

    async def SetLaunchMode(self, request: pb.SetLaunchModeRequest, context: object) -> pb.SetLaunchModeResponse:
        await self._parts.launch.set(messages.MODES_BACK[request.mode])
        self._parts.plan()
        return pb.SetLaunchModeResponse(mode=request.mode)

    async def PlanNow(self, request: pb.PlanNowRequest, context: object) -> pb.PlanNowResponse:
        due = await self._parts.due.hurry(list(request.person_ids) or None, self._parts.clock.now())
        self._parts.plan()
        return pb.PlanNowResponse(due=due)

    async def GetDigest(self, request: pb.GetDigestRequest, context: object) -> pb.GetDigestResponse:
        graph = self._parts.graph()
        with translated():
            if graph is None:
                raise NotReadyYet
            state_hash = "" if request.brief else await asyncio.to_thread(graph.state_hash)
            digest, position = graph.digest, graph.position
        shards = () if request.brief else await self._parts.shards()
        return pb.GetDigestResponse(
            fold_count=digest.count,
            fold_id_sum=digest.hash_sum,
            position=self._parts.positions.message(position, self._parts.positions.instant(None)),
            unpublished=sum(each.unpublished for each in shards),
            state_hash=state_hash,
        )

    async def StreamIssuedMessages(
        self, request: pb.StreamIssuedMessagesRequest, context: object
    ) -> AsyncIterator[pb.StreamIssuedMessagesResponse]:
        async for page in self._parts.introductions.issued():
            yield pb.StreamIssuedMessagesResponse(
                messages=[
                    pb.MessageReference(message_id=message_id, introduction_id=named, recipient_id=recipient)
                    for message_id, named, recipient in page
                ]
            )


def _kinds(asked: Collection[int]) -> set[Kind]:
    """Every kind where none is named."""
    return {messages.KINDS_BACK[number] for number in asked if number} or set(Kind)


def _suggestions(found: Suggestions) -> list[introduction_pb2.Suggestion]:
    return [
        introduction_pb2.Suggestion(
            person_id=each.person.person_id,
            kind=messages.KINDS[each.kind],
            rank=rank,
            reasons=messages.reasons(each.reasons),
        )
        for rank, each in enumerate(found.suggestions, 1)
    ]


def _position_of(found: Sequence[Suggestions | NoSuchPerson], graph: Graph | None) -> Position:
    """The one position of a batch; the graph's own where nobody had a list."""
    if graph is None:
        raise NotReadyYet
    return next((each.position for each in found if isinstance(each, Suggestions)), graph.position)


def _wanted(introduction: Introduction | None, asked: pb.MessageReference, now: datetime) -> bool:
    return introduction is not None and wanted(introduction, asked.message_id, asked.recipient_id, now)


Place = tuple[datetime, str]


def _after(request: Message) -> Place | None:
    """The place in the order of time and id after which a page begins. Raises ServiceError INVALID_ARGUMENT."""
    match paging.decode(request):
        case None:
            return None
        case (str(time), str(named)):
            return datetime.fromisoformat(time), named
        case _:
            raise invalid("page_token", "is damaged; start at the first page")


def _token(request: Message, place: Place | None) -> str:
    return paging.encode(request, place[0].isoformat(), place[1]) if place is not None else ""
