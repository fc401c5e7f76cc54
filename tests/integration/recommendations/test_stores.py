"""Turns, leases and histories in the database: a claim belongs to one, a lease to one, and both can be taken over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.platform.testing import ManualClock, eventually
from services.recommendations.domain.people import Cadence
from services.recommendations.store import ClaimLost, Lease
from tests.integration.recommendations.lives import Lives
from tests.runtime import Database
from tests.unit.recommendations.people import NOW, person

WEEK = timedelta(days=7)


@pytest.fixture
async def lives(database: Database, database_name: str) -> AsyncIterator[Lives]:
    async with Lives(database.uri, database_name) as running:
        yield running


async def due_time(lives: Lives, person_id: str):
    found = await lives.database.collection("due_people").find_one({"_id": person_id})
    assert found is not None
    return found.get("due_time")


async def test_who_joins_is_due_at_once_and_entering_again_changes_nothing(lives: Lives):
    due = lives.stores.due
    await due.enter({"ada": Cadence.WEEKLY}, NOW)
    await due.enter({"ada": Cadence.WEEKLY}, NOW + WEEK)
    assert await due_time(lives, "ada") == NOW
    assert await due.known() == {"ada": Cadence.WEEKLY}


async def test_a_person_is_claimed_by_one_planner(lives: Lives):
    due = lives.stores.due
    await due.enter({f"p{number}": Cadence.WEEKLY for number in range(5)}, NOW)
    claims = await asyncio.gather(*(due.claim(NOW, lease_seconds=30) for _ in range(9)))
    taken = [claim.person_id for claim in claims if claim is not None]
    assert sorted(taken) == [f"p{number}" for number in range(5)]


async def test_a_claim_that_ran_out_is_taken_over_and_the_first_holder_loses(lives: Lives):
    due = lives.stores.due
    await due.enter({"ada": Cadence.WEEKLY}, NOW)
    first = await due.claim(NOW, lease_seconds=0.05)
    assert first is not None
    found = []

    async def taken_over() -> bool:
        found.append(await due.claim(NOW, lease_seconds=30))
        return found[-1] is not None

    await eventually(taken_over, what="the claim's end")
    second = found[-1]
    assert (second.period, second.fence) == (first.period, first.fence + 1)
    with pytest.raises(ClaimLost):
        await lives.database.transaction(lambda session: due.finish(first, NOW, NOW + WEEK, session))
    await lives.database.transaction(lambda session: due.finish(second, NOW, NOW + WEEK, session))
    with pytest.raises(ClaimLost):
        await lives.database.transaction(lambda session: due.finish(second, NOW, NOW + WEEK, session))


async def test_on_demand_means_never_due_and_is_not_hurried(lives: Lives):
    due = lives.stores.due
    await due.enter({"ada": Cadence.ON_DEMAND, "bob": Cadence.MONTHLY}, NOW)
    assert await due_time(lives, "ada") is None
    assert await due.hurry(None, NOW) == 1
    claim = await due.claim(NOW, lease_seconds=30)
    assert claim is not None
    assert claim.person_id == "bob"


async def test_another_cadence_counts_from_the_last_turn(lives: Lives):
    due = lives.stores.due
    claim = await lives.claimed("ada", Cadence.MONTHLY)
    await lives.database.transaction(lambda session: due.finish(claim, NOW, NOW + 4 * WEEK, session))
    await due.enter({"ada": Cadence.WEEKLY}, NOW + timedelta(days=1))
    assert await due_time(lives, "ada") == NOW + WEEK


async def test_who_leaves_and_comes_back_gets_turns_with_new_numbers(lives: Lives):
    due = lives.stores.due
    claim = await lives.claimed("ada")
    await lives.database.transaction(lambda session: due.finish(claim, NOW, NOW + WEEK, session))
    await due.leave(["ada"])
    assert await due.known() == {}
    assert await due.hurry(None, NOW) == 0
    again = await lives.claimed("ada")
    assert again.period == claim.period + 1


async def test_people_are_made_due_by_name_or_all(lives: Lives):
    due = lives.stores.due
    await due.enter(dict.fromkeys(("ada", "bob"), Cadence.WEEKLY), NOW + WEEK)
    assert await due.hurry(["ada", "nobody"], NOW) == 1
    assert await due_time(lives, "ada") == NOW
    assert await due_time(lives, "bob") == NOW + WEEK
    assert await due.hurry(None, NOW) == 2


async def test_partners_are_the_same_whatever_became_of_the_introduction(lives: Lives):
    await lives.introduced(person("ada"), person("bob"))
    lives.clock.advance(8 * 86_400)
    await lives.pass_time()
    await lives.introduced(person("ada"), person("cyd"))
    store = lives.stores.introductions
    found = await store.partners(["ada", "bob", "dan"], since=NOW, shadow=False)
    assert found == {"ada": {"bob", "cyd"}, "bob": {"ada"}, "dan": set()}
    later = await store.partners(["ada"], since=lives.clock.now(), shadow=False)
    assert later == {"ada": {"cyd"}}


async def test_a_lease_has_one_holder_until_its_renewals_stand_still(lives: Lives):
    clock, other_clock = ManualClock(), ManualClock()
    one = Lease(lives.database, "job", seconds=10, clock=clock)
    other = Lease(lives.database, "job", seconds=10, clock=other_clock)
    assert await one.held()
    assert not await other.held()
    other_clock.advance(9)
    assert await one.held()
    assert not await other.held()
    other_clock.advance(9)
    assert not await other.held()
    other_clock.advance(2)
    assert await other.held()
    assert not await one.held()


async def test_a_released_lease_is_free_at_once(lives: Lives):
    one = Lease(lives.database, "job", seconds=10, clock=ManualClock())
    other = Lease(lives.database, "job", seconds=10, clock=ManualClock())
    assert await one.held()
    await one.release()
    assert await other.held()
    assert not await one.held()
