"""The client of a subscription: what cannot be read in one partition takes no records of another with it.

When draining one partition raises (a broken checksum, a codec that is missing), aiokafka has already moved past what
it had drained of the others in the same call. Here they are read again, and from then on each partition by itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

import services.platform.consumer.lenient_records  # noqa: F401  (header names)
from services.platform.telemetry import get_logger

T = TypeVar("T")
Polled = dict[TopicPartition, list[ConsumerRecord]]

logger = get_logger(__name__)

# How long the broker, and who asks us, wait for records while there are none; what arrives ends it at once.
WAIT_MS = 1000
# After so many records without trouble the client polls all partitions at once again.
APART = 100_000


class PartitionsApart:
    """Polls the class beside it; once that raised, one partition at a time.

    `lost` is called when records may have been drained and dropped: whoever reads begins again where it was.
    """

    def __init__(self, *topics: str, lost: Callable[[], None], **options: Any) -> None:
        super().__init__(*topics, **options)
        self._lost = lost
        self._apart = 0

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None) -> Polled:
        if self._apart > 0:
            return self._one_partition(max_records)
        try:
            polled: Polled = await super().getmany(  # type: ignore[misc]
                *partitions, timeout_ms=timeout_ms, max_records=max_records
            )
            return polled
        except (KafkaError, ValueError) as error:
            logger.error("partition_cannot_be_read", exc_info=error)
            self._apart = APART
            self._lost()
            return {}

    def _one_partition(self, most: int | None) -> Polled:
        """Drains the first partition that has records, without waiting."""
        assigned = list(self.assignment())  # type: ignore[attr-defined]
        random.shuffle(assigned)
        for partition in assigned:
            try:
                polling = super().getmany(partition, timeout_ms=0, max_records=most)  # type: ignore[misc]
                found: Polled | None = at_once(polling)
            except (KafkaError, ValueError):
                self._apart = APART
                continue
            if found:
                self._apart -= len(found[partition])
                return found
        return {}


class RobustConsumer(PartitionsApart, AIOKafkaConsumer):  # type: ignore[misc]
    """The client that subscriptions use."""

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None) -> Polled:
        # FastStream rests after an empty poll for as long as it lets one last. What arrives ends this wait at once,
        # but nothing ends that rest: so the wait is long and the rest short.
        return await super().getmany(*partitions, timeout_ms=max(timeout_ms, WAIT_MS), max_records=max_records)


def at_once(coroutine: Coroutine[Any, Any, T]) -> T | None:
    """What `coroutine` returns without waiting for anything, or None: the answer holds for this very step."""
    try:
        coroutine.send(None)
    except StopIteration as answer:
        found: T = answer.value
        return found
    coroutine.close()
    return None
