"""InteractionService: record, list, stream the journal, digest."""

from __future__ import annotations

from collections.abc import AsyncIterator

from acquaint.interactions.v1 import interaction_service_pb2 as pb
from acquaint.interactions.v1 import interaction_service_pb2_grpc as grpc_pb

from services.interactions import messages
from services.interactions.api.results import response
from services.interactions.digests import Auditor
from services.interactions.domain import Digest
from services.interactions.recording import Recorder
from services.interactions.store import ErasedPeople, InteractionStore, Place
from services.platform import paging
from services.platform.errors import invalid, not_found
from services.platform.outbox import Journal, JournalRecord
from services.platform.rpc import current_call

MOST_PARTICIPATIONS = 20_000
_ENTRIES_PER_CHUNK = 1000
_BYTES_PER_CHUNK = 1 << 20
# Fields and lengths of a JournalEntry besides its texts and payload; an upper bound.
_ENTRY_BYTES = 32


class InteractionServicer(grpc_pb.InteractionServiceServicer):
    """Serves acquaint.interactions.v1.InteractionService."""

    def __init__(
        self,
        *,
        recorder: Recorder,
        interactions: InteractionStore,
        erased: ErasedPeople,
        journal: Journal,
        auditor: Auditor,
    ) -> None:
        self._recorder = recorder
        self._interactions = interactions
        self._erased = erased
        self._journal = journal
        self._auditor = auditor

    async def RecordInteractions(
        self, request: pb.RecordInteractionsRequest, context: object
    ) -> pb.RecordInteractionsResponse:
        participations = sum(len(each.participant_ids) for each in request.interactions)
        if participations > MOST_PARTICIPATIONS:
            raise invalid("interactions", f"has {participations} participations; a call takes {MOST_PARTICIPATIONS}")
        may_write = current_call().principal.may_write
        candidates = [messages.candidate(each) for each in request.interactions]
        if request.validate_only:
            return response(await self._recorder.check(candidates, may_write))
        return response(await self._recorder.record(candidates, may_write))

    async def ListInteractions(
        self, request: pb.ListInteractionsRequest, context: object
    ) -> pb.ListInteractionsResponse:
        erased = await self._erased.current()
        if request.person_id in erased:
            raise not_found("person", request.person_id)
        position = paging.decode(request)
        after = None if position is None else Place(int(position[0]), str(position[1]))
        limit = paging.size(request)
        found = await self._interactions.page(request.person_id, after=after, limit=limit + 1, source=request.source)
        answer = pb.ListInteractionsResponse()
        for _, interaction in found[:limit]:
            # Whoever was erased since is taken out of what others see; the documents follow with the purge.
            if (left := interaction.without(erased)) is not None:
                messages.write_interaction(left, answer.interactions.add())
        if len(found) > limit:
            answer.next_page_token = paging.encode(request, *found[limit - 1][0])
        return answer

    async def StreamInteractions(
        self, request: pb.StreamInteractionsRequest, context: object
    ) -> AsyncIterator[pb.StreamInteractionsResponse]:
        end = await self._journal.end()
        sent = request.after_sequence
        chunk = pb.StreamInteractionsResponse(end_sequence=end)
        size, chunks = 0, 0
        while sent < end and (records := await self._journal.read(sent, min(_ENTRIES_PER_CHUNK, end - sent))):
            for record in records:
                length = len(record.value or b"") + len(record.id) + len(record.type) + _ENTRY_BYTES
                if chunk.entries and (len(chunk.entries) == _ENTRIES_PER_CHUNK or size + length > _BYTES_PER_CHUNK):
                    yield chunk
                    chunk, size, chunks = pb.StreamInteractionsResponse(end_sequence=end), 0, chunks + 1
                chunk.entries.append(_entry(record))
                size += length
            sent = records[-1].sequence
        if chunk.entries or not chunks:
            yield chunk

    async def GetDigest(self, request: pb.GetDigestRequest, context: object) -> pb.GetDigestResponse:
        found = await self._auditor.digests()
        return pb.GetDigestResponse(
            documents=_digest(found.documents),
            journal=_digest(found.journal),
            end_sequence=found.end_sequence,
            published_through=found.published_through,
            unpublished=found.unpublished,
            journal_faults=found.faults,
        )


def _entry(record: JournalRecord) -> pb.JournalEntry:
    return pb.JournalEntry(
        sequence=record.sequence,
        record_id=record.id,
        type=record.type,
        payload=record.value or b"",
        tombstone=record.value is None,
    )


def _digest(digest: Digest) -> pb.Digest:
    return pb.Digest(count=digest.count, id_sum=digest.id_sum)
