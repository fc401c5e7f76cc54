"""A journal and a topic in memory: what is recorded goes to both, and a test may take things away from either."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from acquaint.interactions.v1.events_pb2 import InteractionRecorded, JournalRewritten, SourceSwitched
from acquaint.interactions.v1.interaction_service_pb2 import JournalEntry
from google.protobuf.message import Message

from services.platform.consumer import PositionLost
from services.platform.envelope import Header, Stamp
from services.platform.errors import DependencyUnavailable

_STAMP = Stamp("acquaint/interactions")


class TopicRecord(NamedTuple):
    """A record as the client library gives it."""

    offset: int
    value: bytes | None
    headers: Sequence[Header]
    topic: str = "acquaint.interactions.v1"
    partition: int = 0
    timestamp: int = 0
    key: bytes | None = None


def met(number: int, *people: str, source: str = "calendar") -> InteractionRecorded:
    """People in one interaction, the first as its initiator."""
    event = InteractionRecorded()
    event.interaction.interaction_id = f"m-{number}"
    event.interaction.source = source
    event.interaction.type = 1
    event.interaction.initiator_id, *others = people
    event.interaction.participant_ids.extend(others)
    event.interaction.time.seconds = 1_700_000_000 + number * 60
    return event


class World:
    """Interactions as the other service keeps them. `asked` lists what was asked of journal and topic, in order."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []
        self.topic: list[TopicRecord] = []
        self.oldest = 0
        self.away = False
        self.asked: list[str] = []
        self.opened: list[dict[int, int] | None] = []
        self.may_end = asyncio.Event()  # cleared: reading the whole journal does not come to its end
        self.may_end.set()

    def record(self, event: Message, *, published: bool = True) -> int:
        """Appends an event to the journal, and to the topic unless its publication is still to come."""
        sequence = len(self.entries) + 1
        name = event.DESCRIPTOR.full_name
        number = event.interaction.interaction_id if isinstance(event, InteractionRecorded) else f"~{sequence}"
        payload = event.SerializeToString()
        self.entries.append(JournalEntry(sequence=sequence, record_id=number, type=name, payload=payload))
        if published:
            self.publish(sequence)
        return sequence

    def publish(self, sequence: int) -> None:
        """Puts the journal's record into the topic."""
        entry = self.entries[sequence - 1]
        headers = _STAMP.headers(entry.record_id, entry.type, sequence)
        self.topic.append(TopicRecord(offset=len(self.topic), value=entry.payload, headers=headers))

    def put_in_topic(self, value: bytes | None, headers: Sequence[Header]) -> None:
        """Puts anything into the topic."""
        self.topic.append(TopicRecord(offset=len(self.topic), value=value, headers=headers))

    def empty(self, sequence: int) -> None:
        """Makes a tombstone of the journal's record."""
        self.entries[sequence - 1].CopyFrom(JournalEntry(sequence=sequence, record_id="", tombstone=True))

    async def end(self) -> int:
        self.answer("journal end")
        return len(self.entries)

    async def read(self, after: int) -> AsyncIterator[Sequence[JournalEntry]]:
        self.answer(f"journal after {after}")
        end = len(self.entries)
        for begin in range(after, end, 3):
            yield self.entries[begin : min(begin + 3, end)]
            await asyncio.sleep(0)
        if after == 0:
            await self.may_end.wait()

    def answer(self, asked: str) -> None:
        self.asked.append(asked)
        if self.away:
            raise DependencyUnavailable("away")

    def open(self, start: dict[int, int] | None) -> Reader:
        self.opened.append(start)
        return Reader(self, start)


class Reader:
    """One reader of the topic."""

    def __init__(self, world: World, start: dict[int, int] | None) -> None:
        self._world = world
        self._next = start[0] if start else world.oldest

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def records(self, max_records: int, timeout: float) -> Sequence[TopicRecord]:
        await asyncio.sleep(0.001)
        if self._next < self._world.oldest or self._next > len(self._world.topic):
            raise PositionLost("acquaint.interactions.v1", 0, self._next)
        found = self._world.topic[self._next : self._next + max_records]
        self._next += len(found)
        return found

    async def end_offsets(self) -> dict[int, int]:
        self._world.answer("topic end")
        return {0: len(self._world.topic)}

    def position(self) -> dict[int, int]:
        return {0: self._next}


def switched(source: str, *, enabled: bool) -> SourceSwitched:
    """A source switched on or off."""
    return SourceSwitched(source=source, enabled=enabled)


def rewritten(number: int, *hidden: str, finished: bool) -> JournalRewritten:
    """A chunk of a rewrite that takes people out."""
    return JournalRewritten(rewrite_number=number, hidden_person_ids=hidden, finished=finished)
