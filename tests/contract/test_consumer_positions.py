"""Positions live in the database: crashes, rebalances, wrong commits, topics made anew: none doubled, none skipped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from services.platform.consumer import Delivery, Poison
from services.platform.mongo import Session
from services.platform.testing import eventually
from services.platform.topics import TopicKind
from tests.consumer_stage import QUICK, Stage, event, headers, open_stage
from tests.runtime import Broker, Database

UNTOLD = QUICK.model_copy(update={"status_seconds": 60.0})


@pytest.fixture(params=["memory", "kafka"])
async def stage(
    request: pytest.FixtureRequest, broker: Broker, database: Database, unique: str
) -> AsyncIterator[Stage]:
    async with open_stage(request.param, TopicKind.INBOUND, broker.bootstrap, database.uri, unique) as stage:
        yield stage


async def stored(stage: Stage) -> dict[int, tuple[int, int]]:
    """(generation, next offset) per partition."""
    found = await stage.database.collection("consumer_offsets").find({})
    return {each["partition"]: (each["generation"], each["next"]) for each in found}


async def test_a_restart_goes_on_where_the_last_transaction_ended(stage: Stage) -> None:
    await stage.send_people(50, source="feed")
    async with stage.running():
        await stage.handled(50)
    await stage.send_people(50, source="feed", prefix="q")
    async with stage.running():
        await stage.handled(100)
    assert (await stored(stage))[0] == (0, 100)


async def test_a_broker_that_forgot_the_commit_doubles_nothing(stage: Stage) -> None:
    await stage.send_people(50, source="feed")
    async with stage.running():
        await stage.handled(50)
    await stage.side.commit_elsewhere(0)
    await stage.send_people(5, source="feed", prefix="q")
    async with stage.running() as consumers:
        await stage.handled(55)
        (status,) = await consumers.status()
    assert status.handled == 5


async def test_a_broker_whose_commit_is_ahead_of_a_restored_database_skips_nothing(stage: Stage) -> None:
    await stage.send_people(50, source="feed")
    await stage.side.commit_elsewhere(40)
    async with stage.running():
        await stage.handled(50)
    assert await stage.effects.order("feed") == [f"p{number}" for number in range(50)]


async def test_the_broker_is_told_the_positions_for_those_who_watch_lag_there(stage: Stage) -> None:
    await stage.send_people(7, source="feed")
    async with stage.running() as consumers:
        await stage.handled(7)

        async def no_lag() -> bool:
            (status,) = await consumers.status()
            return status.lag == 0 and status.handled == 7

        await eventually(no_lag, what="a lag of 0")


async def test_members_that_come_and_go_double_nothing_and_skip_nothing(stage: Stage) -> None:
    async def keep_sending() -> None:
        for number in range(40):
            for partition in (0, 1):
                for part in range(10):
                    id = f"{partition}.{number}.{part}"
                    await stage.side.send(event(id), headers(id, f"s{partition}"), partition=partition)
            await asyncio.sleep(0.01)

    async with stage.running():
        sending = asyncio.create_task(keep_sending())
        await eventually(lambda: len(stage.effects.batches) > 0, what="a first batch")
        async with stage.running() as second:
            await eventually(lambda: second.ready, timeout=30, what="the second member's share")
        await sending
        await stage.handled(800, timeout=30)
    for lane in ("s0", "s1"):
        order = await stage.effects.order(lane)
        assert order == [f"{lane[1]}.{number}.{part}" for number in range(40) for part in range(10)]


async def test_a_topic_made_anew_begins_another_generation(stage: Stage) -> None:
    for _ in range(20):
        await stage.side.send(event("old"), headers())
    async with stage.running():
        await stage.handled(20)
    await stage.side.make_anew()
    for _ in range(5):
        await stage.side.send(event("new"), headers())
    async with stage.running():
        await stage.handled(25)
    assert (await stored(stage))[0] == (1, 5)
    assert (await stage.effects.order("0")).count("new") == 5


async def test_a_topic_made_anew_under_a_running_consumer_begins_another_generation(stage: Stage) -> None:
    for _ in range(20):
        await stage.side.send(event("old"), headers())
    async with stage.running():
        await stage.handled(20)
        await stage.side.make_anew()
        for _ in range(5):
            await stage.side.send(event("new"), headers())
        await stage.handled(25, timeout=60)
    assert (await stored(stage))[0] == (1, 5)


async def test_an_owner_that_lost_its_partition_in_the_middle_of_a_batch_commits_nothing(stage: Stage) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def slow(session: Session, deliveries: Sequence[Delivery]) -> Sequence[Poison]:
        poison = await stage.effects(session, deliveries)
        entered.set()
        await go.wait()
        return poison

    await stage.send_people(10, source="feed")
    async with stage.running(UNTOLD, handler=slow) as zombie:
        await entered.wait()
        # The other owner is done with the same records while the first one's transaction is still open.
        collection = stage.database.collection("consumer_offsets")
        await collection.update_one({"partition": 0}, {"$set": {"next": 10}})
        go.set()

        async def let_go() -> bool:
            (status,) = await zombie.status()
            return status.handled == 0 and zombie.ready

        await eventually(let_go, what="the zombie to let go")
        await stage.send_people(1, source="feed", prefix="q")
        await stage.handled(1)
    assert await stage.effects.order("feed") == ["q0"]
