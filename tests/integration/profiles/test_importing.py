"""Feeds bring people in: each item has its own result, and a repetition changes and publishes nothing."""

from __future__ import annotations

import grpc
from acquaint.errors.v1 import error_reason_pb2
from acquaint.profiles.v1 import profile_service_pb2 as pb
from acquaint.profiles.v1.profile_pb2 import CADENCE_FORTNIGHTLY, PERSON_STATUS_ACTIVE, Day, Identity, Profile

from services.platform.errors import from_status
from services.profiles.people.states import PRIVATE, PUBLIC
from tests.integration.profiles.running import ProfilesUnderTest, person, refusal

CREATED, UPDATED = pb.IMPORT_OUTCOME_CREATED, pb.IMPORT_OUTCOME_UPDATED
UNCHANGED, REFUSED = pb.IMPORT_OUTCOME_UNCHANGED, pb.IMPORT_OUTCOME_REFUSED


def outcomes(results: list[pb.ImportResult]) -> list[pb.ImportOutcome]:
    return [result.outcome for result in results]


async def of_the_person(profiles: ProfilesUnderTest, name: str) -> Profile:
    answer = await profiles.own(profiles.calls.GetProfile, pb.GetProfileRequest(person_id=name), name)
    profile: Profile = answer.profile
    return profile


async def test_an_imported_person_is_stored_and_published_on_both_topics(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    (result,) = await profiles.imported(person(unique, title="Tester", skills=["go"], wants=["quiet"]))
    assert result.outcome == CREATED
    stored = await of_the_person(profiles, unique)
    assert (stored.title, list(stored.skills), list(stored.wants)) == ("Tester", ["go"], ["quiet"])
    assert (stored.version, stored.status) == (1, PERSON_STATUS_ACTIVE)
    assert stored.availability.cadence == CADENCE_FORTNIGHTLY
    public, private = await profiles.public(unique), await profiles.private(unique)
    assert (public.version, public.profile.title, list(public.profile.wants)) == (1, "Tester", [])
    assert (private.version, private.profile.title, list(private.profile.wants)) == (1, "", ["quiet"])


async def test_importing_the_same_again_changes_nothing_and_publishes_nothing(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    same = [person(f"{unique}-{n}", skills=["a", "b"]) for n in range(20)]
    assert set(outcomes(await profiles.imported(*same))) == {CREATED}
    assert set(outcomes(await profiles.imported(*same))) == {UNCHANGED}
    assert (await of_the_person(profiles, f"{unique}-3")).version == 1
    for topic in (PUBLIC, PRIVATE):
        assert len(await profiles.published(topic, f"{unique}-3")) == 1


async def test_a_bad_item_is_refused_alone_and_its_field_is_named(profiles: ProfilesUnderTest, unique: str) -> None:
    results = await profiles.imported(
        person(f"{unique}-1"),
        person(f"{unique}-2", time_zone="Europe/Berln"),
        person(f"{unique}-3", name="x" * 201),
        person(f"{unique}-4", manager_id=f"{unique}-4"),
        person(f"{unique}-5", joined_on=Day(year=2026, month=2, day=30)),
        Profile(name="nobody"),
    )
    assert outcomes(results) == [CREATED, *[REFUSED] * 5]
    fields = [from_status(result.error).violations[0].field for result in results[1:]]
    assert fields == [
        "profile.time_zone",
        "profile.name",
        "profile.manager_id",
        "profile.joined_on",
        "profile.person_id",
    ]
    assert "Europe/Berlin" in from_status(results[1].error).violations[0].description


async def test_hr_changes_its_own_fields_and_leaves_the_persons_alone(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(person(unique, title="Tester", skills=["go"]))
    (result,) = await profiles.imported(person(unique, title="Lead", skills=["slides"]))
    assert (result.outcome, list(result.ignored_fields)) == (UPDATED, ["skills"])
    stored = await of_the_person(profiles, unique)
    assert (stored.title, list(stored.skills), stored.version) == ("Lead", ["go"], 2)


async def test_a_feed_that_owns_nothing_creates_people_and_changes_nobody(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    first = await profiles.imported(person(unique, title="Tester"), source="directory")
    again = await profiles.imported(person(unique, title="Other"), source="directory")
    assert outcomes([*first, *again]) == [CREATED, UNCHANGED]
    assert (await of_the_person(profiles, unique)).title == "Tester"


async def test_a_mask_limits_an_item_to_its_paths_and_clears_what_it_names_without_value(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    before = person(unique, title="Tester")
    before.place.city, before.place.country = "Rome", "IT"
    await profiles.imported(before)
    after = person(unique, name="Somebody else")
    after.place.city = "Milan"
    assert outcomes(await profiles.imported(after, mask=["place.city", "title"])) == [UPDATED]
    stored = await of_the_person(profiles, unique)
    assert (stored.name, stored.title) == (unique.title(), "")
    assert (stored.place.city, stored.place.country) == ("Milan", "IT")


async def test_a_mask_with_a_wrong_path_is_refused(profiles: ProfilesUnderTest, unique: str) -> None:
    for path in ("nickname", "skills.first", "joining", "version"):
        (result,) = await profiles.imported(person(unique), mask=[path])
        assert from_status(result.error).violations[0].field == "update_mask"


async def test_a_person_twice_in_a_batch_is_refused_the_second_time(profiles: ProfilesUnderTest, unique: str) -> None:
    results = await profiles.imported(person(unique, title="First"), person(unique, title="Second"))
    assert outcomes(results) == [CREATED, REFUSED]
    assert from_status(results[1].error).violations[0].field == "profile.person_id"
    assert (await of_the_person(profiles, unique)).title == "First"


async def test_an_identity_belongs_to_one_person(profiles: ProfilesUnderTest, unique: str) -> None:
    badge = Identity(system="badge", id=unique)
    results = await profiles.imported(
        person(f"{unique}-1", identities=[badge]), person(f"{unique}-2", identities=[badge])
    )
    assert outcomes(results) == [CREATED, REFUSED]
    error = from_status(results[1].error)
    assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, error_reason_pb2.ERROR_REASON_ID_CONFLICT)
    assert f"{unique}-1" not in str(results[1].error)
    (result,) = await profiles.imported(person(f"{unique}-3", identities=[badge]))
    assert from_status(result.error).violations[0].field == "profile.identities[0]"


async def test_an_identity_moves_from_one_person_to_another_in_one_batch(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    badge, card = Identity(system="badge", id=unique), Identity(system="card", id=unique)
    await profiles.imported(person(f"{unique}-1", identities=[badge]), person(f"{unique}-2", identities=[card]))
    freed = person(f"{unique}-1", identities=[card])
    results = await profiles.imported(person(f"{unique}-2"), mask=["identities"])
    assert outcomes([*results, *(await profiles.imported(freed))]) == [UPDATED, UPDATED]
    (result,) = await profiles.imported(person(f"{unique}-2", identities=[badge]))
    assert result.outcome == UPDATED


async def test_validate_only_answers_the_same_and_stores_nothing(profiles: ProfilesUnderTest, unique: str) -> None:
    items = [pb.ImportItem(profile=person(unique)), pb.ImportItem(profile=person("x", time_zone="nowhere"))]
    request = pb.ImportProfilesRequest(items=items, validate_only=True)
    answer = await profiles.calls.ImportProfiles(request)
    assert outcomes(list(answer.results)) == [CREATED, REFUSED]
    error = await refusal(profiles.own(profiles.calls.GetProfile, pb.GetProfileRequest(person_id=unique), unique))
    assert error.code is grpc.StatusCode.NOT_FOUND


async def test_a_client_without_the_grant_for_a_feed_cannot_import_as_it(profiles: ProfilesUnderTest) -> None:
    async with profiles.channel_of(person="somebody") as channel:
        call = type(profiles.calls)(channel).ImportProfiles(pb.ImportProfilesRequest(items=[pb.ImportItem()]))
        assert (await refusal(call)).code is grpc.StatusCode.PERMISSION_DENIED


async def test_what_a_newer_client_sends_survives_changes_and_leaves_to_nobody(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    newer = Profile.FromString(person(unique).SerializeToString() + b"\xc2\x3e\x06marker")  # field 1000
    await profiles.imported(newer)
    await profiles.imported(person(unique, title="Changed"))
    assert b"marker" in (await of_the_person(profiles, unique)).SerializeToString()
    seen = await profiles.calls.GetProfile(pb.GetProfileRequest(person_id=unique))
    assert b"marker" not in seen.SerializeToString()
    assert b"marker" not in (await profiles.public(unique)).SerializeToString()
    assert b"marker" not in (await profiles.private(unique)).SerializeToString()
