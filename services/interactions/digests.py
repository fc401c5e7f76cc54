"""What each store of the service holds, counted from that store alone and never from counters that writers keep."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from acquaint.interactions.v1 import events_pb2
from acquaint.operations.v1.operations_service_pb2 import ShardStatus

from services.interactions.domain import Digest
from services.interactions.store import InteractionStore
from services.platform.outbox import Journal, JournalBroken
from services.platform.topics import Topic

_RECORDS_PER_READ = 10_000
_RECORDED = events_pb2.InteractionRecorded.DESCRIPTOR.full_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """The documents, the journal's InteractionRecorded records, and where the relay stands.

    `unpublished` counts records not marked as published, numbered or not. `faults` says where the journal is not
    contiguous.
    """

    documents: Digest
    journal: Digest
    end_sequence: int
    published_through: int
    unpublished: int
    faults: tuple[str, ...]


class Auditor:
    """Computes digests by reading everything; the shares of a call are small enough for others to be served between."""

    def __init__(
        self,
        *,
        interactions: InteractionStore,
        journal: Journal,
        topic: Topic,
        shards: Callable[[], Awaitable[Sequence[ShardStatus]]],
    ) -> None:
        self._interactions = interactions
        self._journal = journal
        self._topic = topic
        self._shards = shards

    async def digests(self) -> Digests:
        """The digests now; equal ones need a moment without writes."""
        documents, journal = Digest(), Digest()
        async for ids in self._interactions.ids():
            documents.add(ids)
        end = await self._journal.end()
        faults = await self._read_journal(journal, end)
        published = [each.published_through for each in await self._shards() if each.topic == self._topic.name]
        return Digests(
            documents=documents,
            journal=journal,
            end_sequence=end,
            published_through=max(published, default=0),
            unpublished=await self._journal.lag(),
            faults=faults,
        )

    async def _read_journal(self, digest: Digest, end: int) -> tuple[str, ...]:
        read = 0
        while read < end:
            try:
                records = await self._journal.read(read, min(_RECORDS_PER_READ, end - read))
            except JournalBroken as broken:
                return (str(broken),)
            if not records:
                return (f"{self._topic.name}: ends at {read} instead of {end}",)
            digest.add(record.id for record in records if record.type == _RECORDED)
            read = records[-1].sequence
        return ()
