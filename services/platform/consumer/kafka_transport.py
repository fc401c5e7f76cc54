"""A group member on Kafka: a FastStream batch subscriber whose parser cannot raise and whose acknowledgement is ours.

FastStream polls and hands over; seeking, pausing and committing go to the client underneath, for which it has no words.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.message import StreamMessage
from faststream.security import BaseSecurity, SASLScram256, SASLScram512

from services.platform.consumer.offsets import Bounds
from services.platform.consumer.probe import Probe
from services.platform.consumer.robust_client import WAIT_MS, RobustConsumer, at_once
from services.platform.consumer.transport import Receiver
from services.platform.kafka import client_options
from services.platform.settings import ConsumerSettings, KafkaSettings
from services.platform.topics import Topic

Records = tuple[ConsumerRecord, ...]
Message = StreamMessage[Records]

# Backing off and pauses may take days, during which the member stays in its group: the watchdog looks after hangs.
NEVER_MS = 2**31 - 1
COMMIT_SECONDS = 5.0
# A member that was left without partitions because its topic was away learns from this that the topic is back.
METADATA_MS = 10_000
STOP_SECONDS = 10.0

# Everything that FastStream says below an error is noise at each start.
_log = logging.getLogger("faststream.acquaint")
_log.setLevel(logging.ERROR)


class KafkaTransport:
    """One member of the group `group` reading `topic`."""

    def __init__(
        self, kafka: KafkaSettings, settings: ConsumerSettings, topic: Topic, group: str, probe: Probe
    ) -> None:
        self._kafka, self._settings = kafka, settings
        self._topic, self._group, self._probe = topic, group, probe
        self._broker: KafkaBroker | None = None
        self._subscriber: Any = None

    async def start(self, receiver: Receiver) -> None:
        await self.stop()
        options = client_options(self._kafka)
        self._broker = KafkaBroker(
            options["bootstrap_servers"],
            request_timeout_ms=options["request_timeout_ms"],
            metadata_max_age_ms=METADATA_MS,
            security=_security(self._kafka, options),
            client_id=f"acquaint-{self._group}",
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            logger=_log,
            graceful_timeout=STOP_SECONDS,
        )
        session = self._settings.session_timeout_ms
        self._subscriber = self._broker.subscriber(
            self._topic.name,
            batch=True,
            group_id=self._group,
            group_instance_id=self._settings.instance or None,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            batch_timeout_ms=self._settings.batch_timeout_ms,
            max_records=self._settings.batch_records,
            session_timeout_ms=session,
            heartbeat_interval_ms=session // 4,
            max_poll_interval_ms=NEVER_MS,
            fetch_max_wait_ms=WAIT_MS,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            listener=_Listener(receiver),
            parser=_parser(receiver),
            decoder=_decoder,
        )

        async def handle(batch: tuple[Sequence[ConsumerRecord], int]) -> None:
            await receiver.receive(*batch)

        self._subscriber(handle)
        await self._broker.connect()
        config = self._broker.config.broker_config
        made: Any = config.builder  # a partial of the client with the options above
        config.builder = partial(RobustConsumer, lost=receiver.lost, **made.keywords)
        await self._broker.start()

    async def stop(self) -> None:
        broker, self._broker, self._subscriber = self._broker, None, None
        if broker is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await broker.stop()

    def seek(self, partition: int, offset: int) -> None:
        if self._client is not None:
            with suppress(IllegalStateError):
                self._client.seek(TopicPartition(self._topic.name, partition), offset)

    def pause(self) -> None:
        self._each(AIOKafkaConsumer.pause)

    def resume(self) -> None:
        self._each(AIOKafkaConsumer.resume)

    def positions(self) -> Mapping[int, int]:
        client = self._client
        if client is None:
            return {}
        found: dict[int, int] = {}
        for each in client.assignment():
            with suppress(IllegalStateError, KafkaError):
                position = at_once(client.position(each))
                if position is not None:
                    found[each.partition] = position
        return found

    async def commit(self, positions: Mapping[int, int]) -> None:
        if self._client is None or not positions:
            return
        offsets = {TopicPartition(self._topic.name, partition): next for partition, next in positions.items()}
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(COMMIT_SECONDS):
                await self._client.commit(offsets)

    async def bounds(self) -> Mapping[int, Bounds]:
        return await self._probe.bounds(self._topic.name, self._topic.partitions)

    @property
    def _client(self) -> AIOKafkaConsumer | None:
        return None if self._subscriber is None else self._subscriber.consumer

    def _each(self, change: Callable[..., None]) -> None:
        if self._client is not None:
            for partition in self._client.assignment():
                with suppress(IllegalStateError):
                    change(self._client, partition)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Both answers are immediate: whoever waits here keeps the member from its heartbeats."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._receiver.revoked()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._receiver.assigned(frozenset(each.partition for each in assigned))


def _parser(receiver: Receiver) -> Callable[[Records, Callable[[Records], Awaitable[Message]]], Awaitable[Message]]:
    async def parse(records: Records, original: Callable[[Records], Awaitable[Message]]) -> Message:
        # Between the client's buffer and this line nothing waits, so the token belongs to just these records.
        token = receiver.drained(len(records))
        # FastStream's parser decodes every header as UTF-8 and, where that fails, drops the whole batch unhandled.
        # It gets one bare record to build its message from; the real ones are read where nothing can raise.
        message = await original((replace(records[0], headers=(), value=b""),))
        message.raw_message = records
        message.headers = {"token": token}
        return message

    return parse


async def _decoder(message: Message) -> tuple[Records, int]:
    return message.raw_message, message.headers["token"]


def _security(kafka: KafkaSettings, options: Mapping[str, Any]) -> BaseSecurity | None:
    context = options.get("ssl_context")
    if kafka.security_protocol.startswith("SASL"):
        scram = SASLScram256 if kafka.sasl_mechanism == "SCRAM-SHA-256" else SASLScram512
        return scram(kafka.sasl_username, kafka.sasl_password, ssl_context=context, use_ssl=context is not None)
    return None if context is None else BaseSecurity(ssl_context=context, use_ssl=True)
