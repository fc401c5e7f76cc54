"""A consumer that stands still for no reason ends its process; gaps that hold no record are not such a case."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.platform.testing import eventually
from services.platform.topics import TopicKind
from tests.consumer_stage import Stage, event, headers, open_stage
from tests.runtime import Broker, Database


@pytest.fixture
async def stage(broker: Broker, database: Database, unique: str) -> AsyncIterator[Stage]:
    async with open_stage("memory", TopicKind.STATE, broker.bootstrap, database.uri, unique) as stage:
        yield stage


async def test_a_client_that_hands_out_nothing_while_there_is_lag_ends_the_process(stage: Stage) -> None:
    await stage.send_people(5, source="us")
    async with stage.running():
        await stage.handled(5)
        (member,) = stage.side.members
        member.pause()  # what the client does when it is stuck: nothing
        await stage.send_people(5, source="us", prefix="q")
        await eventually(lambda: stage.stuck > 0, what="the end of the process")


async def test_a_broker_that_does_not_answer_ends_no_process(stage: Stage) -> None:
    await stage.send_people(5, source="us")
    async with stage.running():
        await stage.handled(5)
        await stage.send_people(5, source="us", prefix="q")
        stage.side.broker.running = False
        began = asyncio.get_running_loop().time()
        await eventually(lambda: asyncio.get_running_loop().time() - began > 2.0, what="twice the watchdog's time")
        stage.side.broker.running = True
        await stage.handled(10)
    assert stage.stuck == 0


async def test_a_gap_at_the_end_is_stepped_over(stage: Stage) -> None:
    """Markers of transactions and compacted records take offsets but are never handed out."""
    await stage.send_people(5, source="us")
    async with stage.running() as consumers:
        await stage.handled(5)
        partition = stage.side.broker.partitions(stage.side.topic.name)[0]
        (member,) = stage.side.members
        partition.records += [partition.records[-1]] * 3
        member.seek(0, 8)

        async def stepped() -> bool:
            document = await stage.database.collection("consumer_offsets").find_one({"partition": 0})
            return document is not None and document["next"] == 8

        await eventually(stepped, what="the step over the gap")
        await stage.side.send(event("after"), headers("after", "us"))
        (status,) = await consumers.status()
        assert status.lag == 0
    assert stage.stuck == 0


async def test_a_member_without_partitions_is_no_hang(stage: Stage) -> None:
    await stage.send_people(5, source="us")
    async with stage.running():
        await stage.handled(5)
        async with stage.running() as second, stage.running() as idle:
            await eventually(lambda: second.ready and idle.ready, what="all members")
            await stage.send_people(5, source="us", prefix="q", partition=1)
            await stage.handled(10)
    assert stage.stuck == 0
