"""A follower reads everything from where it says, goes on after an outage, and never jumps."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.platform.consumer import Follower, PositionLost
from services.platform.envelope import Malformed, Received
from services.platform.errors import DependencyUnavailable
from services.platform.testing import eventually
from services.platform.topics import TopicKind
from tests.consumer_stage import Stage, event, open_stage
from tests.runtime import Broker, Database


@pytest.fixture
async def stage(broker: Broker, database: Database, unique: str) -> AsyncIterator[Stage]:
    async with open_stage("kafka", TopicKind.FACT, broker.bootstrap, database.uri, unique) as stage:
        yield stage


async def read(follower: Follower, count: int) -> list[Received | Malformed]:
    found: list[Received | Malformed] = []

    async def enough() -> bool:
        found.extend(await follower.batch(timeout=0.2))
        return len(found) >= count

    await eventually(enough, timeout=30, what=f"{count} records")
    return found


async def test_every_record_of_every_partition_in_order(stage: Stage) -> None:
    await stage.send_people(30, source="us", partition=0)
    await stage.send_people(20, source="us", partition=1)
    await stage.side.send(event("x"), [("ce_id", b"\xff")], partition=1)
    await stage.side.flush()
    follower = Follower(stage.side.settings, stage.side.topic)
    await follower.start()
    assert follower.position() == {0: 0, 1: 0}
    assert await follower.end_offsets() == {0: 30, 1: 21}
    found = await read(follower, 51)
    first = [each.offset for each in found if isinstance(each, Received) and each.partition == 0]
    assert first == list(range(30))
    assert sum(isinstance(each, Malformed) for each in found) == 1
    assert follower.position() == {0: 30, 1: 21}
    assert await follower.batch(timeout=0.01) == []
    await follower.stop()


async def test_it_starts_where_it_is_told(stage: Stage) -> None:
    await stage.send_people(10, source="us")
    await stage.side.flush()
    follower = Follower(stage.side.settings.bootstrap, stage.side.topic, start={0: 7})
    found = await read(follower, 3)
    assert [each.offset for each in found if isinstance(each, Received)] == [7, 8, 9]
    await follower.stop()


async def test_a_position_that_is_gone_is_said_and_not_skipped(stage: Stage) -> None:
    await stage.send_people(10, source="us")
    await stage.side.flush()
    follower = Follower(stage.side.settings, stage.side.topic, start={0: 50})

    async def lost() -> bool:
        try:
            await follower.batch(timeout=0.2)
        except PositionLost as error:
            return (error.partition, error.position) == (0, 50)
        return False

    await eventually(lost, what="the lost position")
    await follower.stop()


async def test_it_goes_on_where_it_was_after_the_broker_came_back(stage: Stage, broker: Broker) -> None:
    await stage.send_people(10, source="us")
    await stage.side.flush()
    follower = Follower(stage.side.settings, stage.side.topic)
    await read(follower, 10)
    await broker.kill()
    await broker.start()
    await stage.send_people(5, source="us", prefix="q")
    await stage.side.flush()
    found: list[Received | Malformed] = []

    async def enough() -> bool:
        try:
            found.extend(await follower.batch(timeout=0.2))
        except DependencyUnavailable:
            return False
        return len(found) >= 5

    await eventually(enough, timeout=30, what="the records after the outage")
    assert [each.offset for each in found if isinstance(each, Received)] == list(range(10, 15))
    await follower.stop()


async def test_a_broker_that_does_not_answer_is_said(unused_port: int) -> None:
    follower = Follower(f"127.0.0.1:{unused_port}", "any.topic")
    with pytest.raises(DependencyUnavailable):
        await follower.start()


@pytest.fixture
def unused_port() -> int:
    from services.devstack.ports import free_port

    return free_port()
