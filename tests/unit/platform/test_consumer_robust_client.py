"""One partition that cannot be read takes no records of another with it and delays nobody."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, IllegalStateError

from services.platform.consumer.robust_client import PartitionsApart, at_once

GOOD, BAD = TopicPartition("t", 0), TopicPartition("t", 1)


class Client:
    """Drains like aiokafka: it moves past what it drained of one partition before another one raises."""

    def __init__(self) -> None:
        self.position = 0
        self.broken = True

    def assignment(self) -> set[TopicPartition]:
        return {GOOD, BAD}

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[Any]]:
        drained: dict[TopicPartition, list[Any]] = {}
        if GOOD in (partitions or self.assignment()) and self.position < 30:
            drained[GOOD] = list(range(self.position, self.position + 10))
            self.position += 10
        if BAD in (partitions or self.assignment()) and self.broken:
            raise CorruptRecordException("checksum")
        return drained


class Robust(PartitionsApart, Client):
    """The client under test over the fake."""


async def test_what_was_drained_beside_the_broken_partition_is_read_again() -> None:
    def begin_again() -> None:
        client.position = 0

    client = Robust(lost=begin_again)
    read: list[int] = []
    for _ in range(10):
        for records in (await client.getmany(timeout_ms=10, max_records=100)).values():
            read += records
    assert read == list(range(30))


async def test_it_polls_all_at_once_again_after_a_while_without_trouble() -> None:
    client = Robust(lost=lambda: None)
    await client.getmany()
    client.broken = False
    client._apart = 10
    client.position = 0
    assert await client.getmany() == {GOOD: list(range(10))}
    assert client._apart == 0
    assert await client.getmany() == {GOOD: list(range(10, 20))}


async def test_at_once_takes_only_what_is_there() -> None:
    async def there() -> int:
        return 5

    async def raises() -> int:
        raise IllegalStateError("no longer assigned")

    assert at_once(there()) == 5
    assert at_once(asyncio.sleep(0, 5)) is None
    with pytest.raises(IllegalStateError):
        at_once(raises())
