"""What a service says about a topic it consumes, and what its handler is given: identity decides what is a repeat.

A handler runs inside one transaction with the whole batch and may run again with the same deliveries: its effects must
follow from `Delivery.identity` and other deterministic ids alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from google.protobuf.message import Message

from services.platform.mongo import Session
from services.platform.topics import Topic, TopicKind


class Delivery(NamedTuple):
    """One record that was parsed, decoded and found valid. (A tuple: it is made for every record, at a tenth the cost.)

    `identity` is what makes two deliveries the same: ce_source and ce_id, else topic, generation, partition and offset.
    `generation` counts the lives of the topic: offsets of different generations are not comparable.
    """

    topic: str
    partition: int
    offset: int
    generation: int
    key: str | None
    id: str | None
    source: str | None
    type: str
    sequence: int | None
    event: Message
    timestamp_ms: int
    identity: str
    traceparent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """A delivery that can never be handled, and why; it goes to the dead letters and nothing waits for it."""

    delivery: Delivery
    reason: str


Handler = Callable[[Session, Sequence[Delivery]], Awaitable[Sequence[Poison]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One topic read by one group.

    `handler` returns what is poison and raises what should be tried again (ServiceError UNAVAILABLE, DEADLINE_EXCEEDED,
    RESOURCE_EXHAUSTED or ABORTED, DatabaseUnavailable, TimeoutError, OSError); whatever else it raises makes poison of
    the record that causes it. `source_of` names the source of an inbound record that can be read, the ce_source header
    that of others. `after_commit` runs after each committed batch (wake the relay); it must not block.
    """

    topic: Topic
    group: str
    handler: Handler
    source_of: Callable[[Delivery], str] | None = None
    after_commit: Callable[[], None] | None = None

    @property
    def inbound(self) -> bool:
        """Whether systems outside write the topic: their poison stops nothing, their sources are quarantined alone."""
        return self.topic.kind is TopicKind.INBOUND

    @property
    def id(self) -> str:
        """The key of everything that is kept about this subscription."""
        return f"{self.group}/{self.topic.name}"

    @property
    def kafka_group(self) -> str:
        """The broker's consumer group: one per topic, so that no topic's rebalance stops another."""
        return kafka_group(self.group, self.topic.name)

    @property
    def dead_letters(self) -> str:
        """The topic that takes this subscription's poison."""
        return f"{self.topic.name}.{self.group}.dlq"


def kafka_group(group: str, topic: str) -> str:
    """The broker's name for `group` reading `topic`, as lag tooling sees it."""
    return f"{group}.{topic}"
