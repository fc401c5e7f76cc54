"""The client for topics that others write: a header whose name is not UTF-8 costs one record, not the partition.

aiokafka decodes header names while it drains its buffer. Where that fails, it raises for ever at the same place and
forgets what it had drained of other partitions in the same call.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

T = TypeVar("T")
Polled = dict[TopicPartition, list[ConsumerRecord]]

UNREADABLE = (("dlq_unreadable", b"a header's name is not UTF-8: the record is at its origin only"),)
# After so many readable records the client polls all partitions at once again.
APART = 10_000


class RobustConsumer(AIOKafkaConsumer):  # type: ignore[misc]
    """Hands out a stand-in with the headers `UNREADABLE` for a record that the client cannot.

    `lost` is called when records may have been drained and dropped: whoever reads begins again where it was.
    """

    def __init__(self, *topics: str, lost: Callable[[], None], **options: Any) -> None:
        super().__init__(*topics, **options)
        self._lost = lost
        self._apart = 0

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None) -> Polled:
        if self._apart <= 0:
            try:
                polled: Polled = await super().getmany(*partitions, timeout_ms=timeout_ms, max_records=max_records)
                return polled
            except UnicodeDecodeError:
                self._apart = APART
                self._lost()
                return {}
        return self._one_partition(max_records or APART)

    def _one_partition(self, most: int) -> Polled:
        """Drains one partition record by record, without waiting: up to the unreadable one, or just that."""
        assigned = list(self.assignment())
        random.shuffle(assigned)
        for partition in assigned:
            records: list[ConsumerRecord] = []
            try:
                while len(records) < most:
                    found = at_once(super().getmany(partition, timeout_ms=0, max_records=1))
                    if not found:
                        break
                    records += found[partition]
            except UnicodeDecodeError:
                if not records:
                    records = self._stand_in(partition)
            if records:
                self._apart -= len(records)
                return {partition: records}
        return {}

    def _stand_in(self, partition: TopicPartition) -> list[ConsumerRecord]:
        position = at_once(self.position(partition))
        if position is None:
            return []
        self.seek(partition, position + 1)
        self._apart = APART
        record = ConsumerRecord(
            topic=partition.topic,
            partition=partition.partition,
            offset=position,
            timestamp=0,
            timestamp_type=0,
            key=None,
            value=None,
            checksum=None,
            serialized_key_size=-1,
            serialized_value_size=-1,
            headers=UNREADABLE,
        )
        return [record]


def at_once(coroutine: Coroutine[Any, Any, T]) -> T | None:
    """What `coroutine` returns without waiting for anything, or None: the answer holds for this very step."""
    try:
        coroutine.send(None)
    except StopIteration as answer:
        found: T = answer.value
        return found
    except (IllegalStateError, KafkaError):
        return None
    coroutine.close()
    return None
