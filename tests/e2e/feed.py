"""A system of the enterprise that writes to our topics whatever it likes, and reads what became a dead letter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer

from services.platform.consumer.dead_letters import KafkaDeadLetters, Letter
from services.platform.settings import KafkaSettings

Header = tuple[str, Any]
JSON: Header = ("content-type", b"application/json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A record that must become a dead letter of this class of error, with this in its reason."""

    case: str
    value: bytes | None
    error: str
    reason: str
    headers: Sequence[Header] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Writes records and reads dead letters of one broker."""

    kafka: KafkaSettings
    producer: AIOKafkaProducer

    async def send(
        self, topic: str, value: bytes | None, *, key: str = "", headers: Sequence[Header] = (), partition: int = 0
    ) -> None:
        """Hands one record over; `flush` waits until the broker has them all."""
        await self.producer.send(topic, value, key=key.encode() or None, headers=list(headers), partition=partition)

    async def flush(self) -> None:
        await self.producer.flush()

    async def letters(self, topic: str, group: str, prefix: str) -> dict[str, Letter]:
        """The dead letters whose key begins with `prefix`, by the rest of the key."""
        read = KafkaDeadLetters(self.kafka, f"{topic}.{group}.dlq").read()
        found = {}
        async for letters in read:
            for letter in letters:
                key = (letter.record.key or b"").decode()
                if key.startswith(prefix):
                    found[key.removeprefix(prefix)] = letter
        return found


@asynccontextmanager
async def open_feed(bootstrap: str) -> AsyncIterator[Feed]:
    """A feed that writes to this broker, and goes on writing while the broker is away for a while."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", request_timeout_ms=60_000)
    await producer.start()
    try:
        yield Feed(kafka=KafkaSettings(bootstrap=bootstrap), producer=producer)
    finally:
        await producer.stop()
