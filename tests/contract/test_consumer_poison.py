"""Too much poison pauses our own topics until somebody resumes, and sets aside a source of an inbound topic alone."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from services.platform.consumer import Consumers, quarantined, release, resume
from services.platform.testing import eventually
from services.platform.topics import TopicKind
from tests.consumer_stage import GROUP, Stage, event, headers, open_stage
from tests.runtime import Broker, Database


@pytest.fixture(params=["memory", "kafka"])
async def own(request: pytest.FixtureRequest, broker: Broker, database: Database, unique: str) -> AsyncIterator[Stage]:
    async with open_stage(request.param, TopicKind.FACT, broker.bootstrap, database.uri, unique) as stage:
        yield stage


@pytest.fixture(params=["memory", "kafka"])
async def inbound(
    request: pytest.FixtureRequest, broker: Broker, database: Database, unique: str
) -> AsyncIterator[Stage]:
    async with open_stage(request.param, TopicKind.INBOUND, broker.bootstrap, database.uri, unique) as stage:
        yield stage


async def paused(consumers: Consumers) -> bool:
    (status,) = await consumers.status()
    return status.paused


async def bad(stage: Stage, count: int, source: str = "us") -> None:
    for _ in range(count):
        await stage.side.send(b"\xff", headers("x", source))


async def test_a_bad_deploy_pauses_after_twenty_one_in_a_row_and_goes_on_when_resumed(own: Stage) -> None:
    await own.send_people(10, source="us")
    await bad(own, 100)
    await own.send_people(10, source="us", prefix="q")
    async with own.running() as consumers:
        for times in range(4):
            await eventually(lambda times=times: kept_pause(own, times), what="the pause")  # type: ignore[misc]
            assert len(await own.side.letters()) == 21 * (times + 1)
            assert await own.effects.total() == 10
            assert await consumers.resume(GROUP, own.side.topic.name if times else "")
        await own.handled(20)
        assert not await paused(consumers)
    assert len(await own.side.letters()) == 100


async def kept_pause(stage: Stage, resumed: int) -> bool:
    """Whether the pause after so many resumptions is durable."""
    wanted = {"paused": True, **({"resumed": resumed} if resumed else {})}
    return await stage.database.collection("consumer_pauses").count(wanted) == 1


async def test_a_pause_outlives_a_restart(own: Stage) -> None:
    await bad(own, 21)
    await own.send_people(5, source="us")
    async with own.running() as consumers:
        await eventually(lambda: paused(consumers), what="the pause")
    async with own.running() as consumers:
        await eventually(lambda: paused(consumers), what="the pause after the restart")
        assert await own.effects.total() == 0
        assert await resume(own.database, GROUP) == [own.side.topic.name]
        await own.handled(5)


async def test_one_poison_record_in_twenty_of_the_last_thousand_pauses(own: Stage) -> None:
    for number in range(60):
        await own.send_people(9, source="us", prefix=f"{number}.")
        await bad(own, 1)
    async with own.running() as consumers:
        await eventually(lambda: paused(consumers), what="the pause")
        assert len(await own.side.letters()) == 50
        await own.handled(450)


async def test_a_paused_consumer_is_no_reason_to_end_the_process(own: Stage) -> None:
    await bad(own, 50)
    async with own.running() as consumers:
        await eventually(lambda: paused(consumers), what="the pause")
        since = time.monotonic()
        await eventually(lambda: time.monotonic() - since > 1.5, what="more than the watchdog's one second")
    assert own.stuck == 0


async def test_resume_of_an_unknown_group_says_so(own: Stage) -> None:
    async with own.running() as consumers:
        assert not await consumers.resume("nobody")
        assert not await consumers.resume(GROUP, "no.such.topic")


async def test_poison_on_an_inbound_topic_stops_nothing(inbound: Stage) -> None:
    for number in range(50):
        await inbound.side.send(b"\xff")  # no source to be read: it counts for the topic
        await inbound.send_people(2, source="good", prefix=f"{number}.")
    async with inbound.running() as consumers:
        await inbound.handled(100)
        assert len(await inbound.buried(50)) == 50
        assert not await paused(consumers)
    assert await quarantined(inbound.database) == []


async def test_a_source_of_poison_is_set_aside_alone_and_replayed_in_order_when_released(inbound: Stage) -> None:
    name = inbound.side.topic.name
    await bad(inbound, 30, source="spoiled")
    await inbound.send_people(40, source="good")
    await inbound.send_people(40, source="spoiled", prefix="s")
    async with inbound.running() as consumers:
        await inbound.handled(40)
        letters = await inbound.buried(70)
        assert [letter.error for letter in letters] == ["undecodable"] * 20 + ["quarantined"] * 50
        (found,) = await quarantined(inbound.database)
        assert found[:2] == (name, "spoiled")
        # Still set aside while it is being replayed, and after that let in again.
        await inbound.send_people(40, source="spoiled", prefix="t", partition=0)
        await inbound.buried(110)
        assert await consumers.release("spoiled") == [name]
        await inbound.handled(120)
        assert await inbound.effects.order("spoiled") == [f"{prefix}{n}" for prefix in "st" for n in range(40)]

        async def let_in() -> bool:
            return await quarantined(inbound.database) == []

        await eventually(let_in, what="the end of the quarantine")
        # The poison among them is poison once more, with its own reason.
        assert len([letter for letter in await inbound.side.letters() if letter.error == "undecodable"]) == 30
        await inbound.send_people(3, source="spoiled", prefix="u")
        await inbound.handled(123)
    assert (await inbound.effects.order("spoiled"))[-3:] == ["u0", "u1", "u2"]


async def test_good_records_of_others_are_applied_while_the_bad_ones_still_arrive(inbound: Stage) -> None:
    async with inbound.running():
        for number in range(40):
            await bad(inbound, 5, source="spoiled")
            await inbound.send_people(5, source="good", prefix=f"{number}.", partition=number % 2)
        await inbound.handled(200)
        await inbound.buried(200)
    assert [source for _, source, _ in await quarantined(inbound.database)] == ["spoiled"]


async def test_a_release_from_another_process_is_noticed_and_survives_a_restart(inbound: Stage) -> None:
    await bad(inbound, 20, source="spoiled")
    await inbound.send_people(30, source="spoiled")
    async with inbound.running():
        await inbound.buried(50)
    assert await release(inbound.database, "spoiled") == [inbound.side.topic.name]
    assert await release(inbound.database, "spoiled", "another.topic") == []
    async with inbound.running():
        await inbound.handled(30)
    # A second quarantine of the same source replays only what was set aside the second time.
    await bad(inbound, 20, source="spoiled")
    await inbound.send_people(10, source="spoiled", prefix="q")
    async with inbound.running() as consumers:
        await inbound.buried(80)
        await consumers.release("spoiled")
        await inbound.handled(40)
    assert (await inbound.effects.order("spoiled"))[-1] == "q9"


async def test_below_the_least_number_no_source_is_set_aside(inbound: Stage) -> None:
    await bad(inbound, 19, source="small")
    await inbound.side.send(event("good"), headers("1", "small"))
    async with inbound.running():
        await inbound.handled(1)
        await inbound.buried(19)
    assert await quarantined(inbound.database) == []
