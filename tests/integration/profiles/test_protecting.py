"""Boundaries hold for both sides and show to nobody; an erased person is gone and stays gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import grpc
from acquaint.errors.v1 import error_reason_pb2
from acquaint.profiles.v1 import profile_service_pb2 as pb
from acquaint.profiles.v1.boundary_service_pb2 import (
    ListBoundariesRequest,
    RemoveBoundaryRequest,
    SetBoundaryRequest,
)
from acquaint.profiles.v1.events_pb2 import PersonErased
from acquaint.profiles.v1.profile_pb2 import Absence, Availability, Day, Identity, Profile
from google.protobuf.timestamp_pb2 import Timestamp

from services.platform.errors import from_status
from services.platform.mongo import Database
from services.profiles.people.states import PRIVATE, PUBLIC
from tests.integration.profiles.running import ProfilesUnderTest, person, refusal


async def set_boundary(profiles: ProfilesUnderTest, name: str, other: str) -> bytes:
    request = SetBoundaryRequest(person_id=name, other_person_id=other)
    answer = await profiles.own(profiles.boundaries.SetBoundary, request, name)
    return bytes(answer.SerializeToString())


async def remove_boundary(profiles: ProfilesUnderTest, name: str, other: str) -> None:
    request = RemoveBoundaryRequest(person_id=name, other_person_id=other)
    await profiles.own(profiles.boundaries.RemoveBoundary, request, name)


async def boundaries_of(profiles: ProfilesUnderTest, name: str) -> list[str]:
    answer = await profiles.own(profiles.boundaries.ListBoundaries, ListBoundariesRequest(person_id=name), name)
    return list(answer.other_person_ids)


async def erase(profiles: ProfilesUnderTest, name: str) -> int:
    answer = await profiles.own(profiles.calls.ErasePerson, pb.ErasePersonRequest(person_id=name), name)
    return int(answer.version)


async def allowed(profiles: ProfilesUnderTest, *groups: list[str]) -> list[bool]:
    request = pb.CheckParticipantsRequest(groups=[pb.ParticipantGroup(person_ids=group) for group in groups])
    return list((await profiles.calls.CheckParticipants(request)).allowed)


async def test_a_boundary_stands_in_both_private_states_and_is_listed_by_its_setter_alone(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    anna, bob = f"{unique}-anna", f"{unique}-bob"
    await profiles.joined(anna, bob)
    await set_boundary(profiles, anna, bob)
    assert list((await profiles.private(anna)).boundary_person_ids) == [bob]
    assert list((await profiles.private(bob)).boundary_person_ids) == [anna]
    assert await boundaries_of(profiles, anna) == [bob]
    assert await boundaries_of(profiles, bob) == []
    await remove_boundary(profiles, bob, anna)  # not his to remove
    assert await allowed(profiles, [anna, bob]) == [False]
    await remove_boundary(profiles, anna, bob)
    assert await allowed(profiles, [anna, bob]) == [True]
    assert list((await profiles.private(bob)).boundary_person_ids) == []


async def test_a_boundary_is_noticed_by_nothing_the_other_can_see(profiles: ProfilesUnderTest, unique: str) -> None:
    anna, bob = f"{unique}-anna", f"{unique}-bob"
    await profiles.joined(anna, bob)
    own = pb.GetProfileRequest(person_id=bob)
    before = await profiles.own(profiles.calls.GetProfile, own, bob)
    before_anna = await profiles.own(profiles.calls.GetProfile, pb.GetProfileRequest(person_id=anna), bob)
    await set_boundary(profiles, anna, bob)
    assert await profiles.own(profiles.calls.GetProfile, own, bob) == before
    assert await profiles.own(profiles.calls.GetProfile, pb.GetProfileRequest(person_id=anna), bob) == before_anna
    export = await profiles.own(profiles.calls.ExportPerson, pb.ExportPersonRequest(person_id=bob), bob)
    assert list(export.blocked_person_ids) == []
    assert len(await profiles.published(PUBLIC, bob)) == len(await profiles.published(PUBLIC, anna)) == 1


async def test_the_answer_to_a_boundary_is_the_same_whoever_the_other_is(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    anna, others = f"{unique}-anna", [f"{unique}-{n}" for n in ("here", "paused", "erased", "nobody", "blocking")]
    await profiles.joined(anna, others[0], others[1], others[2], others[4])
    until = Timestamp(seconds=int(datetime.now(UTC).timestamp()) + 9999)
    pause = pb.PausePersonRequest(person_id=others[1], pause_until=until)
    await profiles.own(profiles.calls.PausePerson, pause, others[1])
    await erase(profiles, others[2])
    await set_boundary(profiles, others[4], anna)
    assert {await set_boundary(profiles, anna, other) for other in others} == {b""}
    assert {await set_boundary(profiles, anna, other) for other in others} == {b""}
    assert await boundaries_of(profiles, anna) == sorted(others)
    await profiles.imported(person(others[3]))
    assert list((await profiles.private(others[3])).boundary_person_ids) == [anna]


async def test_nobody_sets_a_boundary_for_another_or_against_themselves(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    anna, bob = f"{unique}-anna", f"{unique}-bob"
    await profiles.joined(anna, bob)
    request = SetBoundaryRequest(person_id=anna, other_person_id=bob)
    error = await refusal(profiles.own(profiles.boundaries.SetBoundary, request, bob))
    assert error.code is grpc.StatusCode.PERMISSION_DENIED
    request.other_person_id = anna
    error = await refusal(profiles.own(profiles.boundaries.SetBoundary, request, anna))
    assert error.violations[0].field == "other_person_id"


async def test_boundaries_are_listed_page_by_page(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.joined(unique)
    for number in range(5):
        await set_boundary(profiles, unique, f"other-{number}")
    request = ListBoundariesRequest(person_id=unique, page_size=3)
    first = await profiles.own(profiles.boundaries.ListBoundaries, request, unique)
    request.page_token = first.next_page_token
    second = await profiles.own(profiles.boundaries.ListBoundaries, request, unique)
    assert [*first.other_person_ids, *second.other_person_ids] == [f"other-{number}" for number in range(5)]
    assert second.next_page_token == ""


async def test_whoever_cannot_take_part_now_makes_the_whole_group_impossible(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    names = {key: f"{unique}-{key}" for key in ("a", "b", "paused", "away", "shy", "gone", "unjoined", "erased")}
    await profiles.joined(*(name for key, name in names.items() if key != "unjoined"))
    today = datetime.now(UTC).date()
    day = Day(year=today.year, month=today.month, day=today.day)
    until = Timestamp()
    until.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    leave = [Absence(**{"from": day, "to": day})]
    states = {
        "paused": Availability(pause_until=until),
        "away": Availability(leave=leave),
        "shy": Availability(may_be_suggested=False),
    }
    for key, availability in states.items():
        change = pb.UpdateProfileRequest(profile=Profile(person_id=names[key], availability=availability))
        change.update_mask.paths.append("availability")
        await profiles.own(profiles.calls.UpdateProfile, change, names[key])
    gone = person(names["gone"], leaving_on=Day(year=2020, month=1, day=31))
    await profiles.imported(gone, person(names["unjoined"]))
    await erase(profiles, names["erased"])
    groups = [[names["a"], names[key]] for key in names if key != "a"]
    groups += [[names["a"], "never-heard-of"], [names["a"], names["a"]], [names["a"], names["b"], names["paused"]]]
    assert await allowed(profiles, *groups) == [True, *[False] * (len(groups) - 1)]


async def test_an_erased_person_ends_on_both_topics_and_is_not_found(profiles: ProfilesUnderTest, unique: str) -> None:
    anna, bob, report = f"{unique}-anna", f"{unique}-bob", f"{unique}-report"
    await profiles.joined(anna, bob)
    await profiles.imported(person(report, manager_id=anna))
    await set_boundary(profiles, bob, anna)
    version = await erase(profiles, anna)
    assert await profiles.public(anna) == PersonErased(person_id=anna, version=version)
    assert await profiles.private(anna) == PersonErased(person_id=anna, version=version)
    earlier = [*await profiles.published(PUBLIC, anna), *await profiles.published(PRIVATE, anna)]
    assert all(state.version < version for state in earlier if not isinstance(state, PersonErased))
    error = await refusal(profiles.own(profiles.calls.GetProfile, pb.GetProfileRequest(person_id=anna), anna))
    assert error.code is grpc.StatusCode.NOT_FOUND
    assert list((await profiles.private(bob)).boundary_person_ids) == []
    assert await boundaries_of(profiles, bob) == []
    assert (await profiles.public(report)).profile.manager_id == ""
    assert await erase(profiles, anna) == version


async def test_nothing_but_the_ledger_entry_is_kept_of_an_erased_person(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    marked = person(unique, name="marker-name", identities=[Identity(system="badge", id="marker-badge")])
    marked.contact.email = "marker@example.org"
    await profiles.imported(marked)
    version = await erase(profiles, unique)
    database = Database.connect(profiles.settings.mongo)
    document = await database.collection("people").find_one({"_id": unique})
    await database.close()
    assert document is not None
    assert set(document) == {"_id", "erased", "identity_hashes"}
    assert document["erased"] == version
    assert b"marker" not in b"".join(map(bytes, document["identity_hashes"]))


async def test_feeds_cannot_bring_an_erased_person_back(profiles: ProfilesUnderTest, unique: str) -> None:
    badge = Identity(system="badge", id=unique)
    await profiles.imported(person(unique, identities=[badge]))
    await erase(profiles, unique)
    by_id, by_identity, by_manager = await profiles.imported(
        person(unique), person(f"{unique}-new", identities=[badge]), person(f"{unique}-report", manager_id=unique)
    )
    for result, field in ((by_id, "profile.person_id"), (by_identity, "profile.identities[0]")):
        error = from_status(result.error)
        assert error.reason == error_reason_pb2.ERROR_REASON_PERSON_ERASED
        assert error.violations[0].field == field
    assert by_manager.outcome == pb.IMPORT_OUTCOME_CREATED
    seen = await profiles.calls.GetProfile(pb.GetProfileRequest(person_id=f"{unique}-report"))
    assert seen.profile.manager_id == ""


async def test_somebody_without_a_profile_can_be_erased_before_a_feed_names_them(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    version = await erase(profiles, unique)
    assert await profiles.private(unique) == PersonErased(person_id=unique, version=version)
    (result,) = await profiles.imported(person(unique))
    assert result.outcome == pb.IMPORT_OUTCOME_REFUSED
    assert len(await profiles.published(PRIVATE, unique)) == 1
