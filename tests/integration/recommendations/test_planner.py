"""Planners on one database: two at once do nothing twice, and nothing goes out without profiles, launch or caps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from acquaint.profiles.v1 import profile_pb2
from acquaint.profiles.v1.profile_pb2 import Availability, Profile
from prometheus_client import CollectorRegistry

from services.recommendations.domain.introduction import State
from services.recommendations.domain.kinds import LaunchMode
from services.recommendations.metrics import Counters
from services.recommendations.planner import Planner
from services.recommendations.suggestions import Suggester
from services.recommendations.turns import Turns
from tests.integration.recommendations.lives import Lives, by_type
from tests.runtime import Database
from tests.unit.recommendations.people import enter
from tests.unit.recommendations.suggesting import Stage

PEOPLE = [f"p{number:02}" for number in range(12)]


@dataclass
class Replica:
    """A planner with a directory and a graph of its own, on the shared database."""

    lives: Lives
    stage: Stage
    lag: int = 0

    def __post_init__(self) -> None:
        suggester = Suggester(
            people=self.stage.people,
            candidates=self.stage.candidates,
            ranker=self.stage.ranker,
            introductions=self.lives.stores.introductions,
            capacity=self.lives.stores.capacity,
            repeat_days=180.0,
            still=asyncio.Lock(),
            counters=Counters.create(CollectorRegistry()),
            clock=self.lives.clock,
        )
        self.planner = Planner(
            lifecycle=self.lives.lifecycle,
            stores=self.lives.stores,
            suggester=suggester,
            people=self.stage.people,
            participants=self.lives.profiles,
            up_to_date=lambda most: self.lag <= most,
            position=lambda: 0,
            settings=self.lives.planner,
            clock=self.lives.clock,
        )
        self.turns = Turns(
            people=self.stage.people,
            stores=self.lives.stores,
            lifecycle=self.lives.lifecycle,
            ready=lambda: True,
            planned=self.planner.wake,
            clock=self.lives.clock,
        )

    async def arrive(self, *profiles: Profile, version: int = 1, **boundaries: set[str]) -> None:
        """Profiles reach this replica."""
        enter(self.stage.people, *profiles, boundaries=boundaries, version=version)
        names = [profile.person_id for profile in profiles]
        if self.stage.candidates.graph is None:
            await self.stage.candidates.attach(self.stage.graph)
        await self.stage.candidates.update(names)
        await self.turns.follow(names)

    async def plan(self) -> int:
        """Considers everybody who is due; how many there were."""
        considered = 0
        while await self.planner.plan_one():
            considered += 1
        return considered


@pytest.fixture
async def lives(database: Database, database_name: str) -> AsyncIterator[Lives]:
    async with Lives(database.uri, database_name) as running:
        yield running


def everybody() -> list[Profile]:
    return [Profile(person_id=each) for each in PEOPLE]


async def test_two_planners_at_once_do_nothing_twice(lives: Lives):
    one, other = Replica(lives, Stage()), Replica(lives, Stage())
    await one.arrive(*everybody())
    await other.arrive(*everybody())
    considered = await asyncio.gather(one.plan(), other.plan(), one.plan(), other.plan())
    everything = await lives.everything()
    pairs = [frozenset(each.person_ids) for each in everything]
    assert sum(considered) == len(PEOPLE)
    assert len(pairs) == len(set(pairs)) > 0
    assert by_type(await lives.facts()) == {"InvitationIssued": 2 * len(pairs)}
    for person_id in PEOPLE:
        assert await lives.stores.capacity.taken(person_id, lives.clock.now(), shadow=False) <= 4
    assert await one.plan() == 0


async def test_everybody_gets_a_turn_by_their_cadence(lives: Lives):
    replica = Replica(lives, Stage())
    weekly = Availability(cadence=profile_pb2.CADENCE_WEEKLY)
    await replica.arrive(*everybody()[1:], Profile(person_id="p00", availability=weekly))
    await replica.plan()
    before = len(await lives.everything())
    lives.clock.advance(7 * 86_400)
    assert await replica.plan() == 1
    assert len(await lives.everything()) == before + 1
    lives.clock.advance(7 * 86_400)
    assert await replica.plan() > 1


async def test_in_the_shadow_proposals_are_stored_and_nobody_is_asked(lives: Lives):
    await lives.stores.launch.set(LaunchMode.SHADOW)
    replica = Replica(lives, Stage())
    await replica.arrive(*everybody())
    await replica.plan()
    everything = await lives.everything()
    assert everything
    assert {each.state for each in everything} == {State.PROPOSED}
    assert await lives.facts() == []
    assert len(await lives.stores.introductions.proposals(after=None, limit=100)) == len(everything)


async def test_off_means_nothing_and_so_does_a_graph_that_lags(lives: Lives):
    replica = Replica(lives, Stage(), lag=10**6)
    await replica.arrive(*everybody())
    assert await replica.plan() == 0
    replica.lag = 0
    await lives.stores.launch.set(LaunchMode.OFF)
    assert await replica.plan() == 0
    assert await lives.everything() == []


async def test_without_an_answer_of_profiles_everybody_is_looked_at_again_soon(lives: Lives):
    lives.profiles.answering = False
    replica = Replica(lives, Stage())
    await replica.arrive(*everybody())
    assert await replica.plan() == len(PEOPLE)
    assert await lives.everything() == []
    lives.profiles.answering = True
    assert await replica.plan() == 0
    lives.clock.advance(lives.planner.retry_seconds + 1)
    assert await replica.plan() > 0
    assert await lives.everything()


async def test_whom_profiles_refuse_is_passed_over(lives: Lives):
    lives.profiles.apart = set(PEOPLE[:6])
    replica = Replica(lives, Stage())
    await replica.arrive(*everybody()[:8])
    await replica.plan()
    assert [set(each.person_ids) for each in await lives.everything()] == [set(PEOPLE[6:8])]


async def test_who_wants_to_be_asked_on_demand_only_is_neither_planned_nor_asked(lives: Lives):
    replica = Replica(lives, Stage())
    quiet = Profile(person_id="quiet", availability=Availability(cadence=profile_pb2.CADENCE_ON_DEMAND))
    await replica.arrive(quiet, Profile(person_id="ada"), Profile(person_id="bob"))
    await replica.plan()
    assert [set(each.person_ids) for each in await lives.everything()] == [{"ada", "bob"}]


async def test_who_pauses_leaves_or_opts_out_after_being_claimed_is_not_proposed(lives: Lives):
    replica = Replica(lives, Stage())
    ada, bob = Profile(person_id="ada"), Profile(person_id="bob")
    await replica.arrive(ada, bob)
    ada.joining.joined = False
    await replica.arrive(ada, version=2)
    bob.availability.kinds_opted_out.append("peer")
    await replica.arrive(bob, version=2)
    await replica.plan()
    assert await lives.everything() == []


async def test_a_boundary_that_comes_later_ends_it_silently_and_an_erasure_at_once(lives: Lives):
    replica = Replica(lives, Stage())
    people = [Profile(person_id=each) for each in ("ada", "bob")]
    await replica.arrive(*people)
    await replica.plan()
    (introduction,) = await lives.everything()
    await replica.arrive(people[0], version=2, ada={"bob"})
    (blocked,) = await lives.everything()
    assert blocked.state is State.INVITED
    assert blocked.doom is not None
    replica.stage.people.erase("ada")
    await replica.turns.follow(["ada"])
    (left,) = await lives.everything()
    assert left.introduction_id == introduction.introduction_id
    assert left.person_ids == ("bob",)
    assert by_type(await lives.facts()) == {"InvitationIssued": 2, "InvitationClosed": 1}


async def test_a_person_with_many_open_questions_gets_no_more_of_their_own(lives: Lives):
    star = Profile(person_id="star", availability=Availability(monthly_cap=30))
    replica = Replica(lives, Stage())
    await replica.arrive(star, *everybody())
    for _ in range(8):
        await lives.stores.due.hurry(["star"], lives.clock.now())
        claim_and_plan = await replica.planner.plan_one()
        assert claim_and_plan
    assert await lives.stores.introductions.open_count("star", limit=99) <= lives.planner.open_limit + 3
