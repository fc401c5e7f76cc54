"""Who is never suggested: filters before scoring hold for any people, whatever the ranker would like."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from acquaint.profiles.v1 import profile_pb2
from acquaint.profiles.v1.profile_pb2 import Availability, Profile
from hypothesis import given, settings
from hypothesis import strategies as st

from services.recommendations.domain.kinds import Kind
from services.recommendations.suggestions import NoSuchPerson, NotReadyYet
from tests.unit.recommendations.people import NOW, enter
from tests.unit.recommendations.suggesting import Stage

IDS = tuple("abcdefgh")
PAIRS = st.sets(st.tuples(st.sampled_from(IDS), st.sampled_from(IDS)), max_size=4)


@st.composite
def organisations(draw: st.DrawFn):
    """Eight people with any wishes, boundaries said by one side only, open pairs, who is full, who is erased."""
    profiles = []
    for each in IDS:
        profile = Profile(person_id=each, unit=draw(st.sampled_from(("A", "B"))))
        profile.manager_id = draw(st.sampled_from(("", *IDS)))
        profile.status = draw(st.sampled_from((0, 1, 2, 3)))
        profile.joining.joined = draw(st.booleans() | st.just(True))
        if draw(st.booleans() | st.just(True)):
            profile.joining.informed_at.FromDatetime(NOW)
        availability = profile.availability
        if draw(st.booleans()):
            availability.may_be_suggested = draw(st.booleans())
        if draw(st.booleans()):
            availability.pause_until.FromDatetime(NOW + draw(st.sampled_from((-1, 1))) * timedelta(days=1))
        availability.kinds_opted_out.extend(draw(st.sampled_from(((), ("peer",), ("coffee",)))))
        profiles.append(profile)
    boundaries: dict[str, set[str]] = {}
    for one, other in draw(PAIRS):
        boundaries.setdefault(one, set()).add(other)
    partners: dict[str, set[str]] = {}
    for one, other in draw(PAIRS):
        partners.setdefault(one, set()).add(other)
        partners.setdefault(other, set()).add(one)
    full = draw(st.sets(st.sampled_from(IDS), max_size=2))
    erased = draw(st.sets(st.sampled_from(IDS), max_size=2))
    return profiles, boundaries, partners, full, erased


def forbidden(asker: Profile, other: Profile, boundaries, partners, full, erased) -> bool:
    """The rules once more, written down from the features and not from the code."""
    wishes = other.availability
    paused = wishes.HasField("pause_until") and wishes.pause_until.ToDatetime(NOW.tzinfo) > NOW
    return (
        asker.person_id == other.person_id
        or other.person_id in erased | full
        or other.person_id in boundaries.get(asker.person_id, ())
        or asker.person_id in boundaries.get(other.person_id, ())
        or other.person_id in partners.get(asker.person_id, ())
        or asker.manager_id == other.person_id
        or other.manager_id == asker.person_id
        or not (other.joining.joined and other.joining.HasField("informed_at"))
        or other.status not in (profile_pb2.PERSON_STATUS_UNSPECIFIED, profile_pb2.PERSON_STATUS_ACTIVE)
        or (wishes.HasField("may_be_suggested") and not wishes.may_be_suggested)
        or paused
        or "peer" in wishes.kinds_opted_out
    )


async def everybodys_lists(organisation) -> dict[str, list[str] | None]:
    profiles, boundaries, partners, full, erased = organisation
    stage = Stage()
    enter(stage.people, *profiles, boundaries=boundaries)
    for each in erased:
        stage.people.erase(each)
    stage.told.partners_of, stage.told.full_people = partners, full
    await stage.candidates.attach(stage.graph)
    lists: dict[str, list[str] | None] = {}
    for each in IDS:
        try:
            lists[each] = await stage.suggested(each, limit=100)
        except NoSuchPerson:
            lists[each] = None
    return lists


@given(organisation=organisations())
@settings(max_examples=80, deadline=None)
def test_lists_hold_exactly_those_whom_nothing_forbids(organisation) -> None:
    profiles, *rest, erased = organisation
    lists = asyncio.run(everybodys_lists(organisation))
    for asker in profiles:
        found = lists[asker.person_id]
        if asker.person_id in erased:
            assert found is None
            continue
        allowed = {other.person_id for other in profiles if not forbidden(asker, other, *rest, erased)}
        assert set(found) == (set() if "peer" in asker.availability.kinds_opted_out else allowed)


async def test_unknown_erased_hidden_and_not_yet_there_are_the_same():
    stage = Stage()
    enter(stage.people, *(Profile(person_id=each) for each in "abc"))
    stage.people.erase("b")
    stage.people.confide("d", 1, Profile(person_id="d"), frozenset())
    await stage.candidates.attach(stage.graph)
    stage.graph.hide("c")
    for nobody in ("b", "c", "d", "never heard of"):
        with pytest.raises(NoSuchPerson):
            await stage.suggested(nobody)


async def test_without_a_graph_there_is_no_answer_yet():
    with pytest.raises(NotReadyYet):
        await Stage().suggested("a")


async def test_who_did_not_join_has_a_list_and_is_on_nobodys():
    stage = Stage()
    newcomer = Profile(person_id="new")
    newcomer.joining.joined = False
    enter(stage.people, newcomer, Profile(person_id="a"), Profile(person_id="b"))
    await stage.candidates.attach(stage.graph)
    assert await stage.suggested("new") == ["a", "b"]
    assert await stage.suggested("a") == ["b"]


async def test_a_pause_and_a_leave_end_by_themselves():
    stage = Stage()
    pausing = Profile(person_id="p", availability=Availability())
    pausing.availability.pause_until.FromDatetime(NOW + timedelta(hours=1))
    enter(stage.people, pausing, Profile(person_id="a"))
    await stage.candidates.attach(stage.graph)
    assert await stage.suggested("a") == []
    stage.clock.advance(3600)
    assert await stage.suggested("a") == ["p"]


async def test_a_change_of_a_profile_counts_at_once():
    stage = Stage()
    enter(stage.people, Profile(person_id="a"), Profile(person_id="b"))
    await stage.candidates.attach(stage.graph)
    enter(stage.people, Profile(person_id="c"))
    await stage.candidates.update(["c"])
    assert await stage.suggested("a") == ["b", "c"]
    stage.people.erase("b")
    await stage.candidates.update(["b"])
    assert await stage.suggested("a") == ["c"]
    assert stage.graph.is_hidden("b")


def unit_of(name: str, count: int, unit: str) -> list[Profile]:
    return [Profile(person_id=f"{name}{number}", unit=unit) for number in range(count)]


async def test_at_most_four_of_ten_come_from_the_own_unit():
    own, others = unit_of("own", 20, "A"), unit_of("other", 20, "B")
    stage = Stage(scores={profile.person_id: 1.0 for profile in own})
    enter(stage.people, *own, *others)
    await stage.candidates.attach(stage.graph)
    found = await stage.suggested("own0")
    assert sum(each.startswith("own") for each in found) == 4
    assert len(found) == 10


async def test_others_are_found_even_when_the_best_are_all_from_the_own_unit():
    own, others = unit_of("own", 60, "A"), unit_of("other", 6, "B")
    stage = Stage(scores={profile.person_id: 1.0 for profile in own})
    enter(stage.people, *own, *others)
    await stage.candidates.attach(stage.graph)
    found = await stage.suggested("own0")
    assert sum(each.startswith("other") for each in found) == 6


async def test_the_own_unit_fills_up_where_there_are_too_few_others():
    stage = Stage()
    enter(stage.people, *unit_of("own", 20, "A"), *unit_of("other", 2, "B"))
    await stage.candidates.attach(stage.graph)
    found = await stage.suggested("own0")
    assert len(found) == 10
    assert sum(each.startswith("other") for each in found) == 2


async def test_a_better_stranger_is_not_displaced_by_the_own_unit():
    own, others = unit_of("own", 5, "A"), unit_of("other", 20, "B")
    stage = Stage(scores={profile.person_id: 1.0 for profile in others})
    enter(stage.people, *own, *others)
    await stage.candidates.attach(stage.graph)
    found = await stage.suggested("own0")
    assert all(each.startswith("other") for each in found)


async def test_a_newcomer_meets_those_whose_profile_is_like_theirs():
    stage = Stage()
    like = Profile(person_id="like", skills=["Go", "Kafka"])
    rare = Profile(person_id="rare", skills=["go"], interests=["Bees"])
    enter(stage.people, Profile(person_id="new", skills=["Go"], interests=["bees"]), like, rare, Profile(person_id="x"))
    await stage.candidates.attach(stage.graph)
    found = await stage.found("new")
    assert [each.person.person_id for each in found.suggestions] == ["rare", "like", "x"]
    assert [len(each.reasons) for each in found.suggestions] == [2, 1, 1]


async def test_a_batch_answers_each_and_says_who_is_nobody():
    stage = Stage()
    enter(stage.people, Profile(person_id="a"), Profile(person_id="b"))
    await stage.candidates.attach(stage.graph)
    one, nobody, other = await stage.suggester.suggest_batch(
        ["a", "?", "b"], kinds=set(Kind), limit=5, as_of_us=stage.suggester.now_us()
    )
    assert [each.person.person_id for each in one.suggestions] == ["b"]
    assert isinstance(nobody, NoSuchPerson)
    assert [each.person.person_id for each in other.suggestions] == ["a"]


async def test_the_best_for_both_comes_before_the_best_for_one():
    stage = Stage(scores={("me", "star"): 3.0, ("me", "mate"): 2.0, ("mate", "me"): 9.0, ("star", "me"): -1.0})
    enter(stage.people, *(Profile(person_id=each) for each in ("me", "star", "mate", "x", "y", "z")))
    await stage.candidates.attach(stage.graph)
    me, found = stage.suggester.person("me"), (await stage.found("me")).suggestions
    assert [each.person.person_id for each in found][:2] == ["star", "mate"]
    ordered = await stage.suggester.mutual(me, Kind.PEER, found, as_of_us=stage.suggester.now_us())
    assert ordered[0].person.person_id == "mate"
