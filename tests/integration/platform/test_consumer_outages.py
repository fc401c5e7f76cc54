"""What happens to consumers when the process, the broker or the database goes away, on the real ones."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.platform.consumer import Consumers
from services.platform.testing import eventually
from services.platform.topics import TopicKind
from tests.consumer_stage import QUICK, Stage, event, headers, open_stage
from tests.runtime import Broker, Database

KILLED = Path(__file__).with_name("consumer_killed.py")


@pytest.fixture
async def stage(broker: Broker, database: Database, unique: str) -> AsyncIterator[Stage]:
    async with open_stage("kafka", TopicKind.INBOUND, broker.bootstrap, database.uri, unique) as stage:
        yield stage


async def backing_off(consumers: Consumers) -> bool:
    (status,) = await consumers.status()
    return status.backing_off


async def test_a_process_killed_between_effect_and_commit_doubles_nothing(
    stage: Stage, broker: Broker, database: Database
) -> None:
    await stage.send_people(200, source="feed", prefix="a")
    await stage.side.flush()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = [broker.bootstrap, database.uri, stage.side.topic.name, stage.database.name]
    killed = await asyncio.create_subprocess_exec(sys.executable, str(KILLED), *arguments, env=environment)
    code = await asyncio.wait_for(killed.wait(), 60)
    assert code == -signal.SIGKILL
    done = await stage.effects.total()
    assert 0 < done < 200
    async with stage.running() as consumers:
        await stage.handled(200, timeout=40)
        (status,) = await consumers.status()
    assert status.handled == 200 - done
    assert await stage.effects.order("feed") == [f"a{number}" for number in range(200)]


async def test_a_database_gone_longer_than_the_watchdog_waits_restarts_nobody(stage: Stage, database: Database) -> None:
    await stage.send_people(20, source="feed")
    async with stage.running() as consumers:
        await stage.handled(20)
        await database.kill()
        try:
            await stage.send_people(20, source="feed", prefix="q")
            await eventually(lambda: backing_off(consumers), timeout=30, what="the backing off")
            began = asyncio.get_running_loop().time()
            await eventually(
                lambda: asyncio.get_running_loop().time() - began > 4 * QUICK.watchdog_seconds,
                what="several times the watchdog's time",
            )
            assert await backing_off(consumers)
        finally:
            await database.start()
        await stage.handled(40, timeout=30)
        assert not await backing_off(consumers)
        assert await stage.side.letters() == []
    assert stage.stuck == 0


async def test_a_database_away_at_the_start_is_waited_for(stage: Stage, database: Database) -> None:
    await stage.send_people(5, source="feed")
    await database.kill()
    try:
        consumers = stage.consumers()
        await consumers.start()
    finally:
        await database.start()
    await stage.handled(5, timeout=30)
    await consumers.stop()


async def test_a_broker_killed_and_started_again_loses_and_doubles_nothing(stage: Stage, broker: Broker) -> None:
    await stage.send_people(100, source="feed")
    async with stage.running() as consumers:
        await stage.handled(100)
        await broker.kill()
        assert not await backing_off(consumers)
        await broker.start()
        await eventually(lambda: sent(stage), timeout=60, what="the broker's return")
        await stage.handled(200, timeout=60)
        assert (await consumers.status())[0].handled == 200
    assert stage.stuck == 0


async def sent(stage: Stage) -> bool:
    """Sends the second hundred once the broker takes records."""
    await stage.send_people(100, source="feed", prefix="q")
    await stage.side.flush()
    return True


async def test_dead_letters_that_cannot_be_written_hold_the_batch(stage: Stage, broker: Broker) -> None:
    """The poison and the good records around it wait together; nothing moves until the letter is acknowledged."""
    await stage.side.send(b"\xff", headers("1", "feed"))
    await stage.side.send(event("good"), headers("2", "feed"))
    await stage.side.flush()
    entered = asyncio.Event()

    async def kill_first(session: object, deliveries: object) -> object:
        if not entered.is_set():
            await broker.kill()
            entered.set()
        return await stage.effects(session, deliveries)  # type: ignore[arg-type]

    async with stage.running(handler=kill_first) as consumers:
        await asyncio.wait_for(entered.wait(), 30)
        try:
            await eventually(lambda: backing_off(consumers), timeout=30, what="the backing off")
            assert await stage.effects.total() == 0
        finally:
            await broker.start()
        await stage.handled(1, timeout=60)
        letters = await stage.buried(1)
    assert {letter.record.offset for letter in letters} == {0}


async def test_a_record_too_large_for_its_letter_leaves_a_note(stage: Stage) -> None:
    """A topic may take records that are, with our headers, larger than the dead letters take."""
    await stage.side.send(b"\xff" * 1_000_000, headers("1", "feed"))
    await stage.side.send(event("good"), headers("2", "feed"))
    async with stage.running():
        await stage.handled(1)
        (letter,) = await stage.buried(1)
    assert letter.record.value in (b"\xff" * 1_000_000, None)


async def test_a_static_member_comes_back_to_its_partitions_without_a_rebalance(stage: Stage) -> None:
    static = QUICK.model_copy(update={"instance": "replica-0"})
    await stage.send_people(10, source="feed")
    async with stage.running(static):
        await stage.handled(10)
    await stage.send_people(10, source="feed", prefix="q")
    async with stage.running(static):
        await stage.handled(20, timeout=30)
