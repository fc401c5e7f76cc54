"""Reads a whole topic without a group, from where its reader says: every replica gets everything.

It never jumps: where its position no longer exists it says so instead of going on elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from services.platform import envelope
from services.platform.envelope import Malformed, Received, Record
from services.platform.errors import DependencyUnavailable
from services.platform.kafka import client_options
from services.platform.settings import KafkaSettings
from services.platform.topics import Topic

# How long the broker holds an answer back while there is nothing; what arrives is answered at once.
FETCH_WAIT_MS = 500


class PositionLost(Exception):
    """The topic no longer holds the next record: it left with the retention, or the topic was made anew."""

    def __init__(self, topic: str, partition: int, position: int) -> None:
        super().__init__(f"{topic}/{partition} does not hold offset {position}")
        self.topic, self.partition, self.position = topic, partition, position


class Follower:
    """Follows `topic` from `start` (next offset per partition), or from the oldest record where that says nothing.

    A topic given by its name only has `partitions` partitions.

    `start()`, `batch`, `records` and `end_offsets` raise DependencyUnavailable when the broker does not answer; the
    next call connects again and goes on at the same position.
    """

    name = "follower"

    def __init__(
        self,
        kafka: KafkaSettings | str,
        topic: Topic | str,
        *,
        start: Mapping[int, int] | None = None,
        partitions: int = 1,
        maximum_bytes: int = 4_000_000,
    ) -> None:
        self._kafka = KafkaSettings(bootstrap=kafka) if isinstance(kafka, str) else kafka
        self._topic = topic if isinstance(topic, str) else topic.name
        count = partitions if isinstance(topic, str) else topic.partitions
        self._partitions = [TopicPartition(self._topic, number) for number in range(count)]
        self._maximum_bytes = maximum_bytes
        self._next: dict[int, int] = dict(start or {})
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connects and takes its position."""
        await self._connected()

    async def stop(self) -> None:
        """Disconnects; `position()` stays known."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    def position(self) -> dict[int, int]:
        """The next offset to be returned, per partition; complete once started."""
        return dict(self._next)

    async def batch(self, max_records: int = 5000, timeout: float = 0.1) -> list[Received | Malformed]:
        """Up to `max_records` records with their headers read, after at most `timeout` seconds; [] when there is none.

        Records of one partition come in order. Raises PositionLost.
        """
        return [envelope.parse(record) for record in await self.records(max_records, timeout)]

    async def records(self, max_records: int = 5000, timeout: float = 0.1) -> Sequence[Record]:
        """The same records unread."""
        consumer = await self._connected()
        try:
            polled = await consumer.getmany(timeout_ms=int(timeout * 1000), max_records=max_records)
            for partition in consumer.assignment():
                # Beyond the last record where compaction or a transaction's marker left a gap.
                self._next[partition.partition] = await consumer.position(partition)
        except OffsetOutOfRangeError as error:
            await self.stop()
            ((partition, position),) = error.args[0].items()
            raise PositionLost(self._topic, partition.partition, position) from error
        except (KafkaError, OSError) as error:
            await self.stop()
            raise DependencyUnavailable(f"{self._topic}: {type(error).__name__}") from error
        return list(chain.from_iterable(polled.values()))

    async def end_offsets(self) -> dict[int, int]:
        """The offset the next record of each partition will get."""
        consumer = await self._connected()
        try:
            ends = await consumer.end_offsets(list(consumer.assignment()))
        except (KafkaError, OSError) as error:
            await self.stop()
            raise DependencyUnavailable(f"{self._topic}: {type(error).__name__}") from error
        return {partition.partition: end for partition, end in ends.items()}

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is not None:
            return self._consumer
        consumer = AIOKafkaConsumer(
            **client_options(self._kafka),
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_partition_fetch_bytes=self._maximum_bytes,
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        try:
            await consumer.start()
            consumer.assign(self._partitions)
            oldest = await consumer.beginning_offsets(self._partitions)
            for partition in self._partitions:
                position = self._next.setdefault(partition.partition, oldest[partition])
                consumer.seek(partition, position)
        except (KafkaError, OSError) as error:
            await consumer.stop()
            raise DependencyUnavailable(f"{self._topic}: {type(error).__name__}") from error
        except BaseException:
            await consumer.stop()
            raise
        self._consumer = consumer
        return consumer
