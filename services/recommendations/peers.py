"""What recommendations ask of other services: who may take part (profiles), and the journal (interactions)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import grpc
from acquaint.interactions.v1 import interaction_service_pb2
from acquaint.interactions.v1.interaction_service_pb2 import JournalEntry, StreamInteractionsRequest
from acquaint.interactions.v1.interaction_service_pb2_grpc import InteractionServiceStub
from acquaint.profiles.v1.profile_service_pb2 import CheckParticipantsRequest, ParticipantGroup
from acquaint.profiles.v1.profile_service_pb2_grpc import ProfileServiceStub

from services.platform.errors import DependencyUnavailable
from services.platform.telemetry import get_logger

logger = get_logger(__name__)

_BEYOND_ANY_END = 2**62
_STREAM_SECONDS = 3600.0
_END_SECONDS = 5.0


class ParticipantCheck(Protocol):
    """Fresh word of profiles about groups of people."""

    async def allowed(self, groups: Sequence[Sequence[str]]) -> list[bool] | None:
        """For each group whether nothing forbids it now; None without an answer."""
        ...


class ProfilesCheck:
    """ProfileService.CheckParticipants, within `seconds`."""

    def __init__(self, channel: grpc.aio.Channel, *, seconds: float) -> None:
        self._stub = ProfileServiceStub(channel)
        self._seconds = seconds

    async def allowed(self, groups: Sequence[Sequence[str]]) -> list[bool] | None:
        request = CheckParticipantsRequest(groups=[ParticipantGroup(person_ids=group) for group in groups])
        try:
            answer = await self._stub.CheckParticipants(request, timeout=self._seconds)
        except grpc.aio.AioRpcError as error:
            logger.warning("participants_not_checked", code=error.code().name)
            return None
        if len(answer.allowed) != len(groups):
            logger.warning("participants_not_checked", code="WRONG_LENGTH")
            return None
        return list(answer.allowed)


class JournalClient:
    """The journal of interactions, by InteractionService.StreamInteractions."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = InteractionServiceStub(channel)

    async def end(self) -> int:
        """The last sequence given out. Raises DependencyUnavailable."""
        async for answer in self._answers(_BEYOND_ANY_END, _END_SECONDS):
            return answer.end_sequence
        raise DependencyUnavailable("the journal gave no end")

    async def read(self, after: int) -> AsyncIterator[Sequence[JournalEntry]]:
        """The records after a sequence, in order, to the end as it is now. Raises DependencyUnavailable."""
        async for answer in self._answers(after, _STREAM_SECONDS):
            if answer.entries:
                yield answer.entries

    async def _answers(
        self, after: int, seconds: float
    ) -> AsyncIterator[interaction_service_pb2.StreamInteractionsResponse]:
        call = self._stub.StreamInteractions(StreamInteractionsRequest(after_sequence=after), timeout=seconds)
        try:
            async for answer in call:
                yield answer
        except grpc.aio.AioRpcError as error:
            raise DependencyUnavailable(f"the interactions journal: {error.code().name}") from error
        finally:
            call.cancel()
