"""What a subscription needs of a broker, so that the same rules run on Kafka and on the in-memory fake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.platform.consumer.offsets import Bounds
from services.platform.envelope import Record


class Receiver(Protocol):
    """The side that takes records in."""

    def revoked(self) -> None:
        """All partitions are taken away; whatever is still under way no longer counts."""
        ...

    def assigned(self, partitions: frozenset[int]) -> None:
        """These partitions are now read, from wherever the broker thinks; the receiver seeks."""
        ...

    def lost(self) -> None:
        """Records may have left the client's buffer without getting here: all partitions begin again."""
        ...

    def drained(self, count: int) -> int:
        """Called in the very step in which records leave the client's buffer; the answer goes with them."""
        ...

    async def receive(self, records: Sequence[Record], token: int) -> None:
        """Handles records; returns when the next may be polled, and never raises but CancelledError."""
        ...


class Transport(Protocol):
    """One member of one group reading one topic."""

    async def start(self, receiver: Receiver) -> None:
        """Joins the group; raises when the broker does not answer, after which `start` may be called again."""
        ...

    async def stop(self) -> None:
        """Leaves the group."""
        ...

    def seek(self, partition: int, offset: int) -> None:
        """The next record polled is the first at or above `offset`; what was buffered is dropped."""
        ...

    def pause(self) -> None:
        """No records are fetched until `resume`; membership goes on."""
        ...

    def resume(self) -> None:
        """Ends `pause`."""
        ...

    def positions(self) -> Mapping[int, int]:
        """The next offset to poll of each assigned partition, now; partitions still looking for theirs are absent."""
        ...

    async def commit(self, positions: Mapping[int, int]) -> None:
        """Tells the broker, for whoever watches lag there; nothing depends on it and failures are swallowed."""
        ...

    async def bounds(self) -> Mapping[int, Bounds]:
        """First and end offset of every partition of the topic; raises when the broker does not answer in time."""
        ...
