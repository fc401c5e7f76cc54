"""What compaction would leave on a state topic is compared with what is known, and put right."""

from __future__ import annotations

from acquaint.profiles.v1 import profile_service_pb2 as pb
from acquaint.profiles.v1.events_pb2 import PersonErased, ProfileState

from services.platform.envelope import Fact
from services.profiles.people.states import PRIVATE, PUBLIC
from tests.integration.profiles.running import ProfilesUnderTest, person


def old_state(name: str) -> Fact:
    message = ProfileState(person_id=name, version=1, profile=person(name, title="Old"))
    return Fact(id=f"{name}/1", key=name, message=message, version=1)


async def test_topics_that_hold_what_is_known_are_left_alone(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(person(unique))
    await profiles.drained()
    assert await profiles.read_back(PUBLIC) == 0
    assert await profiles.read_back(PRIVATE) == 0


async def test_a_stale_repeat_is_followed_by_the_present_state(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(person(unique, title="Old"))
    await profiles.imported(person(unique, title="New"))
    await profiles.drained()
    await profiles.repeat_stale(PUBLIC, old_state(unique))
    assert (await profiles.public(unique)).profile.title == "Old"
    assert await profiles.read_back(PUBLIC) == 1
    last = await profiles.public(unique)
    assert (last.version, last.profile.title) == (2, "New")
    await profiles.imported(person(unique, title="Newer"))
    assert (await profiles.public(unique)).version == 3


async def test_an_erasure_is_repeated_after_a_stale_state(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(person(unique))
    request = pb.ErasePersonRequest(person_id=unique)
    version = (await profiles.own(profiles.calls.ErasePerson, request, unique)).version
    await profiles.drained()
    await profiles.repeat_stale(PUBLIC, old_state(unique))
    assert await profiles.read_back(PUBLIC) == 1
    assert await profiles.public(unique) == PersonErased(person_id=unique, version=version)
