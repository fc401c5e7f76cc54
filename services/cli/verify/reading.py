"""What each store holds, read from itself: the journal by its stream, the topic by its records."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
from acquaint.interactions.v1 import events_pb2, interaction_service_pb2

from services.cli.output import describe
from services.cli.verify.digests import Digest
from services.platform.consumer import Follower
from services.platform.envelope import Malformed, Received
from services.platform.errors import from_rpc_error
from services.platform.settings import KafkaSettings
from services.platform.topics import declared

if TYPE_CHECKING:  # this name exists for the type checker only
    from acquaint.interactions.v1.interaction_service_pb2_grpc import InteractionServiceAsyncStub

TOPIC = declared(events_pb2.DESCRIPTOR)["acquaint.interactions.v1"]
RECORDED = events_pb2.InteractionRecorded.DESCRIPTOR.full_name
SWITCHED = events_pb2.SourceSwitched.DESCRIPTOR.full_name
READ_SECONDS = 120.0


@dataclass(slots=True, kw_only=True)
class TopicContent:
    """What the topic of interactions holds. `ids` are the record ids by sequence; repeats count once.

    `emptied` says that there were records and retention has left none.
    """

    ids: dict[int, str] = field(default_factory=dict)
    types: dict[int, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    emptied: bool = False

    def first(self, published_through: int) -> int:
        """The lowest sequence that retention has left; the next to be published when it has left none."""
        return min(self.ids, default=published_through + 1 if self.emptied else 1)

    @property
    def digest(self) -> Digest:
        """Of the different interactions on the topic."""
        digest = Digest()
        for sequence, record_id in self.ids.items():
            if self.types[sequence] == RECORDED:
                digest.add(record_id)
        return digest


async def read_topic(kafka: KafkaSettings) -> TopicContent:
    """Read the topic from its beginning to its end as of now.

    Raises TimeoutError after two minutes, DependencyUnavailable, PositionLost.
    """
    content = TopicContent()
    follower = Follower(kafka, TOPIC, start=None)
    await follower.start()
    try:
        ends = await follower.end_offsets()
        async with asyncio.timeout(READ_SECONDS):
            while any(follower.position().get(partition, 0) < end for partition, end in ends.items()):
                for record in await follower.batch(max_records=5000, timeout=1.0):
                    take(content, record)
        content.emptied = any(ends.values()) and not content.ids and not content.faults
    finally:
        await follower.stop()
    return content


def take(content: TopicContent, record: Received | Malformed) -> None:
    """Count one record of the topic; one that has no place in the order is a fault."""
    if isinstance(record, Malformed):
        content.faults.append(f"a record cannot be read: {record.reason}")
        return
    if record.sequence is None or record.id is None or record.type is None:
        content.faults.append(f"record {record.partition}/{record.offset} has no sequence, id or type")
        return
    before = content.ids.setdefault(record.sequence, record.id)
    content.types[record.sequence] = record.type
    if before != record.id:
        content.faults.append(f"sequence {record.sequence} is {before!r} and {record.id!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalContent:
    """What the journal holds: the interactions in it, those from a sequence on, those that a graph folds.

    Sources that the journal's own last word switched off have no share in a graph.
    """

    whole: Digest
    tail: Digest
    folded: Digest
    end: int
    faults: tuple[str, ...]


async def read_journal(stub: InteractionServiceAsyncStub, tail_from: int) -> JournalContent:
    """Stream the whole journal and check that its sequences follow one another; a stream that breaks off is a fault."""
    tail, faults, expected, end = Digest(), [], 1, 0
    by_source: defaultdict[str, Digest] = defaultdict(Digest)
    off: dict[str, bool] = {}
    stream = stub.StreamInteractions(interaction_service_pb2.StreamInteractionsRequest(after_sequence=0), timeout=600)
    try:
        async for chunk in stream:
            end = chunk.end_sequence
            for entry in chunk.entries:
                if entry.sequence != expected:
                    faults.append(f"sequence {entry.sequence} follows {expected - 1}")
                expected = entry.sequence + 1
                if entry.type == RECORDED and not entry.tombstone:
                    by_source[entry.record_id.partition("/")[0]].add(entry.record_id)
                    if entry.sequence >= tail_from:
                        tail.add(entry.record_id)
                elif entry.type == SWITCHED and not entry.tombstone:
                    switched = events_pb2.SourceSwitched.FromString(entry.payload)
                    off[switched.source] = not switched.enabled
    except grpc.aio.AioRpcError as error:
        faults.append(f"the stream breaks off after {expected - 1}: {describe(from_rpc_error(error))}")
    if expected - 1 < end:
        faults.append(f"the stream ends at {expected - 1}, the journal at {end}")
    folded = [digest for source, digest in by_source.items() if not off.get(source)]
    return JournalContent(
        whole=Digest.of(by_source.values()), tail=tail, folded=Digest.of(folded), end=end, faults=tuple(faults)
    )
