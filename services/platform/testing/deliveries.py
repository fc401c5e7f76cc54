"""An in-memory broker for consumers: partitions, groups, rebalances and dead letters under the rules of the real one.

It does what Kafka may do to a member at any time: hand out a partition again, forget commits, lose a topic.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.platform.consumer.dead_letters import DeadLettersUnavailable, Letter, Origin
from services.platform.consumer.offsets import Bounds
from services.platform.consumer.transport import Receiver
from services.platform.envelope import Record

Header = tuple[str, Any]


@dataclass(slots=True)
class Partition:
    """The records of one partition; those below `begin` have left with the retention."""

    begin: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.begin + len(self.records)


class MemoryBroker:
    """Topics and groups in memory. `running` False is a broker that does not answer."""

    def __init__(self) -> None:
        self.running = True
        self.commits: dict[tuple[str, str], dict[int, int]] = {}
        self._topics: dict[str, list[Partition]] = {}
        self._groups: dict[tuple[str, str], list[MemoryTransport]] = {}

    def create(self, topic: str, partitions: int) -> None:
        """Makes the topic, or makes it anew and empty."""
        self._topics[topic] = [Partition() for _ in range(partitions)]

    def partitions(self, topic: str) -> list[Partition]:
        """The partitions of a topic; raises ConnectionError while the broker does not run."""
        if not self.running:
            raise ConnectionError("the broker does not answer")
        return self._topics[topic]

    def append(
        self,
        topic: str,
        value: bytes | None,
        *,
        headers: Sequence[Header] = (),
        key: bytes | None = None,
        partition: int = 0,
    ) -> int:
        """Adds a record and returns its offset."""
        place = self.partitions(topic)[partition]
        offset = place.end
        place.records.append(
            Origin(
                topic=topic,
                partition=partition,
                offset=offset,
                timestamp=1_760_000_000_000,
                key=key,
                value=value,
                headers=headers,
            )
        )
        return offset

    def join(self, member: MemoryTransport) -> None:
        """Adds a member to its group: a rebalance of all."""
        members = self._groups.setdefault((member.topic, member.group), [])
        members.append(member)
        self._rebalance(members)

    def leave(self, member: MemoryTransport) -> None:
        """Takes a member out of its group: a rebalance of the others."""
        members = self._groups.get((member.topic, member.group), [])
        if member in members:
            members.remove(member)
            self._rebalance(members)

    def rebalance(self, topic: str, group: str) -> None:
        """Hands out all partitions again."""
        self._rebalance(self._groups[topic, group])

    def _rebalance(self, members: list[MemoryTransport]) -> None:
        for member in members:
            member.revoke()
        for number, member in enumerate(members):
            count = len(self._topics[member.topic])
            member.assign(range(number, count, len(members)))


class MemoryTransport:
    """One member of a group of a `MemoryBroker`."""

    def __init__(self, broker: MemoryBroker, topic: str, group: str, *, batch_records: int = 1000) -> None:
        self.topic, self.group = topic, group
        self.paused = False
        self._broker, self._batch_records = broker, batch_records
        self._receiver: Receiver | None = None
        self._positions: dict[int, int] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self, receiver: Receiver) -> None:
        self._broker.partitions(self.topic)
        self._receiver = receiver
        self._broker.join(self)
        self._task = asyncio.create_task(self._poll(receiver))

    async def stop(self) -> None:
        self._broker.leave(self)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def kill(self) -> None:
        """The member dies in the midst of what it does; the group notices."""
        await self.stop()

    def revoke(self) -> None:
        """The broker takes all partitions."""
        self._positions = {}
        if self._receiver is not None:
            self._receiver.revoked()

    def assign(self, partitions: Sequence[int]) -> None:
        """The broker hands out partitions; they are read from the last commit."""
        committed = self._broker.commits.get((self.topic, self.group), {})
        self._positions = {partition: committed.get(partition, 0) for partition in partitions}
        self.paused = False
        if self._receiver is not None:
            self._receiver.assigned(frozenset(partitions))

    def seek(self, partition: int, offset: int) -> None:
        if partition in self._positions:
            self._positions[partition] = offset

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def positions(self) -> Mapping[int, int]:
        return dict(self._positions)

    async def commit(self, positions: Mapping[int, int]) -> None:
        if self._broker.running:
            self._broker.commits.setdefault((self.topic, self.group), {}).update(positions)

    async def bounds(self) -> Mapping[int, Bounds]:
        found = self._broker.partitions(self.topic)
        return {number: Bounds(begin=each.begin, end=each.end) for number, each in enumerate(found)}

    async def _poll(self, receiver: Receiver) -> None:
        while True:
            records = self._drain()
            if records:
                await receiver.receive(records, receiver.drained(len(records)))
            else:
                await asyncio.sleep(0.002)

    def _drain(self) -> list[Record]:
        drained: list[Record] = []
        if self.paused or not self._broker.running:
            return drained
        for number, position in self._positions.items():
            partition = self._broker.partitions(self.topic)[number]
            if not partition.begin <= position <= partition.end:
                position = partition.begin
            room = self._batch_records - len(drained)
            polled = partition.records[position - partition.begin :][:room]
            # Offsets may jump: a record knows its own, which compaction leaves as it was.
            self._positions[number] = position + len(polled)
            drained += polled
        return drained


class MemoryDeadLetters:
    """Dead letters in a list; `available` False is a broker that does not acknowledge."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.available = True

    async def write(self, letters: Sequence[Letter]) -> None:
        if not self.available:
            raise DeadLettersUnavailable("not acknowledged")
        self.letters += letters

    def read(self) -> AsyncIterator[list[Letter]]:
        return self._read(self.letters.copy())

    async def _read(self, letters: list[Letter]) -> AsyncIterator[list[Letter]]:
        for start in range(0, len(letters), 500):
            yield letters[start : start + 500]

    async def close(self) -> None:
        return
