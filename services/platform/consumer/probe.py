"""Asks the broker, on a connection of its own, where topics begin and end: the answer shows that the broker answers.

A consumer that hangs cannot hide it, and a probe that hangs is replaced.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.platform.consumer.offsets import Bounds
from services.platform.kafka import client_options
from services.platform.settings import KafkaSettings


class Probe:
    """One connection for all subscriptions of a process; `seconds` bounds each question."""

    def __init__(self, kafka: KafkaSettings, *, seconds: float = 5.0) -> None:
        self._kafka, self._seconds = kafka, seconds
        self._consumer: AIOKafkaConsumer | None = None
        self._asking = asyncio.Lock()

    async def bounds(self, topic: str, partitions: int) -> Mapping[int, Bounds]:
        """First and end offset of each of the first `partitions` partitions; raises KafkaError or TimeoutError."""
        wanted = [TopicPartition(topic, number) for number in range(partitions)]
        async with self._asking:
            try:
                async with asyncio.timeout(self._seconds):
                    consumer = await self._connected()
                    begins = await consumer.beginning_offsets(wanted)
                    ends = await consumer.end_offsets(wanted)
            except BaseException:
                await self._drop()
                raise
        return {each.partition: Bounds(begin=begins[each], end=ends[each]) for each in wanted}

    async def close(self) -> None:
        """Disconnects."""
        async with self._asking:
            await self._drop()

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            # The ends of committed records, as subscriptions read them: an open transaction is not lag.
            consumer = AIOKafkaConsumer(
                **client_options(self._kafka), isolation_level="read_committed", enable_auto_commit=False
            )
            self._consumer = consumer
            await consumer.start()
        return self._consumer

    async def _drop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
