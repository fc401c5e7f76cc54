"""Introductions on a real database: each step and its facts are one write, and races have one winner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from acquaint.recommendations.v1.events_pb2 import IntroductionAnnounced, InvitationIssued

from services.recommendations.domain.introduction import Answer, InvitationState, State
from services.recommendations.domain.kinds import LaunchMode
from services.recommendations.domain.lifecycle import InvitationIsClosed, UnknownIntroduction
from services.recommendations.domain.people import Cadence
from services.recommendations.domain.view import view
from services.recommendations.lifecycle import ModeChanged
from services.recommendations.settings import PlannerSettings
from services.recommendations.store import AlreadyProposed, CapReached, ClaimLost, NoTurns, PairIsOpen
from tests.integration.recommendations.lives import Lives, by_type, proposal
from tests.runtime import Database
from tests.unit.recommendations.people import person

ADA, BOB, CYD = person("ada"), person("bob"), person("cyd")
ACCEPT, DECLINE, LATER = Answer.ACCEPT, Answer.DECLINE, Answer.LATER
DAY = 86_400.0


@pytest.fixture
async def lives(database: Database, database_name: str) -> AsyncIterator[Lives]:
    async with Lives(database.uri, database_name) as running:
        yield running


async def test_both_yes_make_it_and_everybody_is_told_once(lives: Lives):
    introduction = await lives.introduced(ADA, BOB)
    named = introduction.introduction_id
    first = await lives.lifecycle.respond(named, "ada", ACCEPT, None)
    assert first.state is State.INVITED
    second = await lives.lifecycle.respond(named, "bob", ACCEPT, None)
    assert second.state is State.MADE
    again = await lives.lifecycle.respond(named, "bob", ACCEPT, None)
    assert again == second
    facts = await lives.facts()
    assert by_type(facts) == {
        "InvitationIssued": 2,
        "InvitationClosed": 2,
        "IntroductionMade": 2,
        "IntroductionAnnounced": 1,
    }
    (announced,) = (event for _, event in facts if isinstance(event, IntroductionAnnounced))
    assert set(announced.participant_ids) == {"ada", "bob"}
    issued = next(event for _, event in facts if isinstance(event, InvitationIssued) and event.recipient_id == "ada")
    assert (list(issued.other_person_ids), issued.asking_number, len(issued.starters)) == (["bob"], 1, 2)
    streamed = [each async for page in lives.stores.introductions.issued() for each in page]
    handed_on = {"InvitationIssued", "IntroductionMade"}
    assert {message_id for message_id, _, _ in streamed} == {
        message_id for message_id, event in facts if event.DESCRIPTOR.name in handed_on
    }


async def test_two_last_answers_at_once_make_it_once(lives: Lives):
    named = (await lives.introduced(ADA, BOB)).introduction_id
    seen = await asyncio.gather(*(lives.lifecycle.respond(named, each, ACCEPT, None) for each in ("ada", "bob")))
    await lives.pass_time()
    assert State.MADE in {each.state for each in seen}
    assert by_type(await lives.facts())["IntroductionMade"] == 2


async def test_without_an_answer_of_profiles_nothing_goes_out_until_there_is_one(lives: Lives):
    named = (await lives.introduced(ADA, BOB)).introduction_id
    lives.profiles.answering = False
    for each in ("ada", "bob"):
        assert (await lives.lifecycle.respond(named, each, ACCEPT, None)).state is State.INVITED
    lives.clock.advance(40)
    await lives.pass_time()
    assert "IntroductionMade" not in by_type(await lives.facts())
    lives.profiles.answering = True
    lives.clock.advance(40)
    await lives.pass_time()
    assert by_type(await lives.facts())["IntroductionMade"] == 2


async def test_what_profiles_refuse_at_the_last_moment_shows_as_the_ordinary_expiry(lives: Lives):
    named = (await lives.introduced(ADA, BOB)).introduction_id
    await lives.lifecycle.respond(named, "ada", ACCEPT, None)
    lives.profiles.apart = {"ada"}
    seen = await lives.lifecycle.respond(named, "bob", ACCEPT, None)
    lives.clock.advance(60)
    await lives.pass_time()
    lives.profiles.apart = set()
    lives.clock.advance(60)
    await lives.pass_time()
    stored = await lives.stores.introductions.get(named)
    assert stored is not None
    assert view(stored, "bob", lives.clock.now()) == seen
    lives.clock.advance(7 * DAY)
    await lives.pass_time()
    facts = await lives.facts()
    assert by_type(facts) == {"InvitationIssued": 2, "InvitationClosed": 4}
    stored = await lives.stores.introductions.get(named)
    assert stored is not None
    ended = view(stored, "bob", lives.clock.now())
    assert ended is not None
    assert dict(ended.invitations) == {"ada": None, "bob": InvitationState.EXPIRED}


async def test_profiles_are_asked_at_every_yes_whatever_the_other_said(lives: Lives):
    named = (await lives.introduced(ADA, BOB)).introduction_id
    await lives.lifecycle.respond(named, "ada", DECLINE, None)
    lives.profiles.asked.clear()
    await lives.lifecycle.respond(named, "bob", ACCEPT, None)
    assert len(lives.profiles.asked) == 1


async def test_later_is_asked_again_only_while_profiles_allow(lives: Lives):
    named = (await lives.introduced(ADA, BOB)).introduction_id
    await lives.lifecycle.respond(named, "bob", LATER, None)
    lives.profiles.answering = False
    lives.clock.advance(3 * DAY + 1)
    await lives.pass_time()
    assert by_type(await lives.facts())["InvitationIssued"] == 2
    lives.profiles.answering = True
    lives.clock.advance(31)
    await lives.pass_time()
    assert by_type(await lives.facts())["InvitationIssued"] == 3
    await lives.lifecycle.respond(named, "bob", LATER, None)
    lives.profiles.apart = {"ada"}
    lives.clock.advance(3 * DAY)
    await lives.pass_time()
    assert by_type(await lives.facts())["InvitationIssued"] == 3
    stored = await lives.stores.introductions.get(named)
    assert stored is not None
    seen = view(stored, "bob", lives.clock.now())
    assert seen is not None
    assert dict(seen.invitations)["bob"] is InvitationState.OPEN


async def test_nobody_is_asked_again_once_the_launch_was_taken_back(lives: Lives):
    named = (await lives.introduced(ADA, BOB)).introduction_id
    await lives.lifecycle.respond(named, "bob", LATER, lives.clock.now() + timedelta(hours=1))
    await lives.stores.launch.set(LaunchMode.SHADOW)
    for _ in range(3):
        lives.clock.advance(3700)
        await lives.pass_time()
    assert by_type(await lives.facts())["InvitationIssued"] == 2
    await lives.stores.launch.set(LaunchMode.ON)
    lives.clock.advance(60)
    await lives.pass_time()
    assert by_type(await lives.facts())["InvitationIssued"] == 3


async def test_an_erasure_withdraws_at_once_and_removes_the_person_everywhere(lives: Lives):
    named = (await lives.introduced(ADA, BOB)).introduction_id
    await lives.stores.launch.set(LaunchMode.SHADOW)
    await lives.introduced(ADA, CYD, LaunchMode.SHADOW)
    await lives.lifecycle.erase({"ada"})
    await lives.lifecycle.erase({"ada"})
    with pytest.raises(InvitationIsClosed):
        await lives.lifecycle.respond(named, "bob", ACCEPT, None)
    with pytest.raises(UnknownIntroduction):
        await lives.lifecycle.respond(named, "ada", ACCEPT, None)
    for collection in ("introductions", "capacity", "due_people"):
        held = await lives.database.collection(collection).find({})
        assert "ada" not in repr(held)
    assert by_type(await lives.facts())["InvitationClosed"] == 1


async def test_an_erasure_between_check_and_commit_leaves_nothing(lives: Lives):
    await lives.stores.due.enter({"bob": Cadence.WEEKLY}, lives.clock.now())
    claim = await lives.claimed("ada")
    await lives.lifecycle.erase({"bob"})
    with pytest.raises(NoTurns):
        await lives.lifecycle.propose(claim, proposal(ADA, BOB), LaunchMode.ON)
    assert await lives.everything() == []
    assert await lives.facts() == []


async def test_an_erasure_at_the_same_moment_leaves_nobody_asked_about_the_erased(lives: Lives):
    for number in range(8):
        other = person(f"other{number}")
        await lives.stores.due.enter({other.person_id: Cadence.WEEKLY}, lives.clock.now())
        claim = await lives.claimed(f"asker{number}")
        proposing = lives.lifecycle.propose(claim, proposal(person(f"asker{number}"), other), LaunchMode.ON)
        await asyncio.gather(proposing, lives.lifecycle.erase({other.person_id}), return_exceptions=True)
    assert all("other" not in repr(each.person_ids) for each in await lives.everything())


async def test_an_introduction_of_people_who_are_all_gone_is_deleted(lives: Lives):
    named = (await lives.introduced(ADA, BOB)).introduction_id
    await lives.lifecycle.erase({"ada", "bob"})
    assert await lives.stores.introductions.get(named) is None


async def test_a_pair_has_one_open_introduction_whoevers_turn_it_is(lives: Lives):
    claims = [await lives.claimed("ada"), await lives.claimed("bob")]
    results = await asyncio.gather(
        lives.lifecycle.propose(claims[0], proposal(ADA, BOB), LaunchMode.ON),
        lives.lifecycle.propose(claims[1], proposal(BOB, ADA), LaunchMode.ON),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in results) == ["Introduction", "PairIsOpen"]
    assert by_type(await lives.facts()) == {"InvitationIssued": 2}


async def test_a_claim_takes_effect_once(lives: Lives):
    await lives.stores.due.enter(dict.fromkeys(("bob", "cyd"), Cadence.WEEKLY), lives.clock.now())
    claim = await lives.claimed("ada")
    results = await asyncio.gather(
        *(lives.lifecycle.propose(claim, proposal(ADA, each), LaunchMode.ON) for each in (BOB, CYD)),
        return_exceptions=True,
    )
    assert sum(not isinstance(each, Exception) for each in results) == 1
    assert any(isinstance(each, ClaimLost | AlreadyProposed) for each in results)
    assert len(await lives.stores.introductions.of_person("ada", after=None, limit=9)) == 1


async def test_a_lost_claim_has_no_effect(lives: Lives):
    claim = await lives.claimed("ada")
    await lives.database.collection("due_people").update_one({"_id": "ada"}, {"$inc": {"fence": 1}})
    with pytest.raises(ClaimLost):
        await lives.lifecycle.propose(claim, proposal(ADA, BOB), LaunchMode.ON)
    assert await lives.facts() == []
    assert await lives.stores.capacity.full(lives.clock.now(), shadow=False) == set()


async def test_a_proposal_made_for_another_mode_has_no_effect(lives: Lives):
    claim = await lives.claimed("ada")
    await lives.stores.launch.set(LaunchMode.SHADOW)
    with pytest.raises(ModeChanged):
        await lives.lifecycle.propose(claim, proposal(ADA, BOB), LaunchMode.ON)
    assert await lives.facts() == []


async def test_the_shadow_takes_nobodys_room_and_stands_in_nobodys_way(lives: Lives):
    await lives.stores.launch.set(LaunchMode.SHADOW)
    await lives.introduced(ADA, BOB, LaunchMode.SHADOW)
    assert await lives.facts() == []
    assert await lives.stores.capacity.taken("ada", lives.clock.now(), shadow=False) == 0
    with pytest.raises(PairIsOpen):
        await lives.introduced(BOB, ADA, LaunchMode.SHADOW)
    await lives.stores.launch.set(LaunchMode.ON)
    lives.clock.advance(60)
    await lives.introduced(ADA, BOB)
    assert by_type(await lives.facts()) == {"InvitationIssued": 2}


async def test_caps_hold_when_many_want_the_same_person(lives: Lives):
    star = person("star", wishes={"monthly_cap": 10})
    askers = [person(f"p{number}") for number in range(8)]
    await lives.stores.due.enter({"star": Cadence.WEEKLY}, lives.clock.now())
    claims = [await lives.claimed(each.person_id) for each in askers]
    results = await asyncio.gather(
        *(
            lives.lifecycle.propose(claim, proposal(asker, star), LaunchMode.ON)
            for claim, asker in zip(claims, askers, strict=True)
        ),
        return_exceptions=True,
    )
    refused = [each for each in results if isinstance(each, CapReached)]
    assert len(results) - len(refused) == lives.planner.inbound_cap
    assert {each.person_id for each in refused} == {"star"}
    assert await lives.stores.capacity.full(lives.clock.now(), shadow=False) == {"star"}


async def test_the_month_ends_and_there_is_room_again(lives: Lives):
    one = person("one", wishes={"monthly_cap": 1})
    await lives.introduced(one, BOB)
    lives.clock.advance(60)
    with pytest.raises(CapReached):
        await lives.introduced(one, CYD)
    lives.clock.advance(31 * DAY)
    await lives.introduced(one, CYD)


async def test_a_day_has_a_bound(database: Database, database_name: str):
    async with Lives(database.uri, database_name, planner=PlannerSettings(per_day=1)) as lives:
        await lives.introduced(ADA, BOB)
        assert await lives.stores.capacity.day_is_full(lives.clock.now(), cap=1, shadow=False)
        with pytest.raises(CapReached, match="anybody today"):
            await lives.introduced(CYD, person("dan"))
        lives.clock.advance(DAY)
        await lives.introduced(person("eve"), person("dan"))
