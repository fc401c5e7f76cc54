"""What people do to their own profile: change it, pause, join; and what nobody else may do for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import grpc
from acquaint.errors.v1 import error_reason_pb2
from acquaint.options.v1 import options_pb2
from acquaint.profiles.v1 import profile_service_pb2 as pb
from acquaint.profiles.v1.boundary_service_pb2 import SetBoundaryRequest
from acquaint.profiles.v1.profile_pb2 import Profile, VisibilityChoice
from acquaint.profiles.v1.profile_service_pb2_grpc import ProfileServiceStub
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from services.platform.errors import from_status
from services.profiles.people.states import PRIVATE, PUBLIC
from tests.integration.profiles.running import ProfilesUnderTest, person, refusal


def update(profile: Profile, *paths: str) -> pb.UpdateProfileRequest:
    return pb.UpdateProfileRequest(profile=profile, update_mask=FieldMask(paths=paths))


def joining(name: str, **fields: object) -> pb.JoinPersonRequest:
    complete = {"joined": True, "informed_at": Timestamp(seconds=1_700_000_000), "notice": "welcome-1"}
    return pb.JoinPersonRequest(person_id=name, **(complete | fields))  # type: ignore[arg-type]


def instant(days: float) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(datetime.now(UTC) + timedelta(days=days))
    return found


async def test_a_person_changes_their_fields_and_the_etag_moves_on(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(person(unique, skills=["go"]))
    change = update(Profile(person_id=unique, etag="v1", skills=["go", "rust"]), "skills")
    answer = await profiles.own(profiles.calls.UpdateProfile, change, unique)
    assert (list(answer.profile.skills), answer.profile.version) == (["go", "rust"], 2)
    error = await refusal(profiles.own(profiles.calls.UpdateProfile, change, unique))
    assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, error_reason_pb2.ERROR_REASON_ETAG_MISMATCH)
    change.profile.etag = answer.profile.etag
    again = await profiles.own(profiles.calls.UpdateProfile, change, unique)
    assert again.profile.etag == answer.profile.etag


async def test_a_nested_path_changes_only_its_part(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(person(unique))
    first = Profile(person_id=unique)
    first.availability.monthly_cap, first.availability.monthly_minutes = 2, 90
    await profiles.own(profiles.calls.UpdateProfile, update(first, "availability"), unique)
    second = Profile(person_id=unique)
    second.availability.monthly_cap = 0
    answer = await profiles.own(profiles.calls.UpdateProfile, update(second, "availability.monthly_cap"), unique)
    availability = answer.profile.availability
    assert (availability.monthly_cap, availability.HasField("monthly_cap"), availability.monthly_minutes) == (
        0,
        True,
        90,
    )


async def test_what_hr_keeps_is_not_changed_by_the_person(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(person(unique))
    error = await refusal(
        profiles.own(profiles.calls.UpdateProfile, update(Profile(person_id=unique, title="Boss"), "title"), unique)
    )
    assert (error.code, error.violations[0].field) == (grpc.StatusCode.PERMISSION_DENIED, "update_mask")


async def test_joining_is_no_field_to_update(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(person(unique))
    for path in ("joining", "joining.joined", "version", "nonsense", "skills.x"):
        change = update(Profile(person_id=unique), path)
        error = await refusal(profiles.own(profiles.calls.UpdateProfile, change, unique))
        assert (error.code, error.violations[0].field) == (grpc.StatusCode.INVALID_ARGUMENT, "update_mask")


async def test_nobody_changes_another_persons_profile(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(person(unique), person(f"{unique}-2"))
    change = update(Profile(person_id=unique, skills=["spying"]), "skills")
    error = await refusal(profiles.own(profiles.calls.UpdateProfile, change, f"{unique}-2"))
    assert error.code is grpc.StatusCode.PERMISSION_DENIED
    async with profiles.channel_of(person=f"{unique}-2") as channel:
        error = await refusal(ProfileServiceStub(channel).UpdateProfile(change))
        assert error.code is grpc.StatusCode.PERMISSION_DENIED
    async with profiles.channel_of(person=unique) as channel:
        assert (await ProfileServiceStub(channel).UpdateProfile(change)).profile.version == 2


async def test_joining_without_a_notice_is_refused(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(person(unique))
    for request in (joining(unique, notice=""), joining(unique, informed_at=None)):
        error = await refusal(profiles.own(profiles.calls.JoinPerson, request, unique))
        assert error.code is grpc.StatusCode.FAILED_PRECONDITION
        assert error.reason == error_reason_pb2.ERROR_REASON_NOTICE_REQUIRED
    error = await refusal(profiles.own(profiles.calls.JoinPerson, joining(unique, informed_at=instant(1)), unique))
    assert error.violations[0].field == "informed_at"


async def test_joining_and_leaving_are_published_to_those_who_need_it_alone(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    await profiles.imported(person(unique))
    answer = await profiles.own(profiles.calls.JoinPerson, joining(unique), unique)
    assert answer.profile.joining.joined
    assert answer.profile.joining.HasField("join_time")
    await profiles.own(profiles.calls.JoinPerson, joining(unique), unique)
    assert (await profiles.private(unique)).profile.joining.notice == "welcome-1"
    left = await profiles.own(profiles.calls.JoinPerson, pb.JoinPersonRequest(person_id=unique), unique)
    assert not left.profile.joining.joined
    assert [state.profile.joining.joined for state in await profiles.published(PRIVATE, unique)] == [False, True, False]
    assert len(await profiles.published(PUBLIC, unique)) == 1


async def test_people_join_in_batches_each_for_themselves(profiles: ProfilesUnderTest, unique: str) -> None:
    names = [f"{unique}-{n}" for n in range(3)]
    await profiles.imported(*(person(name) for name in names))
    requests = [*map(joining, names), joining(f"{unique}-nobody"), joining(names[0]), joining(names[1], notice="")]
    async with profiles.channel_of(acting_for="*") as channel:
        answer = await ProfileServiceStub(channel).BatchJoinPeople(pb.BatchJoinPeopleRequest(requests=requests))
    outcomes = [result.outcome for result in answer.results]
    assert outcomes == [*[pb.IMPORT_OUTCOME_UPDATED] * 3, *[pb.IMPORT_OUTCOME_REFUSED] * 3]
    codes = [from_status(result.error).code for result in answer.results[3:]]
    assert codes[0] is grpc.StatusCode.NOT_FOUND
    assert (await profiles.private(names[2])).profile.joining.joined


async def test_a_client_joins_only_those_it_may_act_for(profiles: ProfilesUnderTest, unique: str) -> None:
    names = [f"{unique}-1", f"{unique}-2"]
    await profiles.imported(*(person(name) for name in names))
    async with profiles.channel_of(acting_for=names[0]) as channel:
        request = pb.BatchJoinPeopleRequest(requests=[joining(name) for name in names])
        answer = await ProfileServiceStub(channel).BatchJoinPeople(request)
    assert answer.results[0].outcome == pb.IMPORT_OUTCOME_UPDATED
    assert from_status(answer.results[1].error).code is grpc.StatusCode.PERMISSION_DENIED


async def test_a_pause_is_seen_by_the_private_topic_alone(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(person(unique))
    before = await profiles.calls.GetProfile(pb.GetProfileRequest(person_id=unique))
    pause = pb.PausePersonRequest(person_id=unique, pause_until=instant(7))
    answer = await profiles.own(profiles.calls.PausePerson, pause, unique)
    assert answer.profile.version == 2
    assert (await profiles.private(unique)).profile.availability.HasField("pause_until")
    # A new version or etag would tell colleagues that something happened.
    assert await profiles.calls.GetProfile(pb.GetProfileRequest(person_id=unique)) == before
    assert len(await profiles.published(PUBLIC, unique)) == 1
    ended = await profiles.own(profiles.calls.PausePerson, pb.PausePersonRequest(person_id=unique), unique)
    assert not ended.profile.availability.HasField("pause_until")


async def test_a_pause_into_the_past_is_refused(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(person(unique))
    for wrong in (instant(-1), Timestamp(seconds=2**60)):
        request = pb.PausePersonRequest(person_id=unique, pause_until=wrong)
        error = await refusal(profiles.own(profiles.calls.PausePerson, request, unique))
        assert error.violations[0].field == "pause_until"


async def test_a_person_hides_a_field_from_colleagues(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(person(unique, unit=f"{unique}/lab", interests=["chess"]))
    hidden = [
        VisibilityChoice(field="interests", visibility=options_pb2.FIELD_VISIBILITY_MATCHING_ONLY),
        VisibilityChoice(field="unit", visibility=options_pb2.FIELD_VISIBILITY_PRIVATE),
    ]
    change = update(Profile(person_id=unique, field_visibilities=hidden), "field_visibilities")
    await profiles.own(profiles.calls.UpdateProfile, change, unique)
    seen = (await profiles.calls.GetProfile(pb.GetProfileRequest(person_id=unique))).profile
    assert (list(seen.interests), seen.unit) == ([], "")
    public, private = await profiles.public(unique), await profiles.private(unique)
    assert (list(public.profile.interests), public.profile.unit) == ([], "")
    assert (list(private.profile.interests), private.profile.unit) == (["chess"], "")
    # Nor can the unit be guessed by asking for its people.
    listed = await profiles.calls.ListProfiles(pb.ListProfilesRequest(unit_prefix=unique))
    assert not listed.profiles


async def test_a_field_is_not_opened_wider_than_it_may_be(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(person(unique))
    for field in ("identities", "contact", "availability", "person_id", "nonsense"):
        choice = VisibilityChoice(field=field, visibility=options_pb2.FIELD_VISIBILITY_COLLEAGUES)
        change = update(Profile(person_id=unique, field_visibilities=[choice]), "field_visibilities")
        error = await refusal(profiles.own(profiles.calls.UpdateProfile, change, unique))
        assert error.violations[0].field == "profile.field_visibilities[0]"


async def test_people_are_listed_page_by_page_and_by_unit(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(*(person(f"{unique}-{n}", unit=f"{unique}/lab/{n % 2}") for n in range(5)))
    await profiles.imported(person(f"{unique}-9", unit=f"{unique}/labour"))
    request = pb.ListProfilesRequest(page_size=2, unit_prefix=f"{unique}/lab")
    pages = []
    while not pages or request.page_token:
        page = await profiles.calls.ListProfiles(request)
        pages.append([profile.person_id for profile in page.profiles])
        request.page_token = page.next_page_token
    assert pages == [[f"{unique}-0", f"{unique}-1"], [f"{unique}-2", f"{unique}-3"], [f"{unique}-4"]]


async def test_a_page_token_does_not_open_another_list(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(person(f"{unique}-1"), person(f"{unique}-2"))
    page = await profiles.calls.ListProfiles(pb.ListProfilesRequest(page_size=1))
    other = pb.ListProfilesRequest(unit_prefix="elsewhere", page_token=page.next_page_token)
    error = await refusal(profiles.calls.ListProfiles(other))
    assert error.reason == error_reason_pb2.ERROR_REASON_PAGE_TOKEN_INVALID


async def test_a_batch_of_profiles_comes_in_the_order_asked_without_those_who_are_not_there(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    await profiles.imported(person(f"{unique}-1"), person(f"{unique}-2"))
    names = [f"{unique}-2", f"{unique}-nobody", f"{unique}-1"]
    answer = await profiles.calls.BatchGetProfiles(pb.BatchGetProfilesRequest(person_ids=names))
    assert [profile.person_id for profile in answer.profiles] == [f"{unique}-2", f"{unique}-1"]


async def test_an_export_holds_everything_including_ones_own_boundaries(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    await profiles.imported(person(unique, wants=["quiet"]))
    boundary = SetBoundaryRequest(person_id=unique, other_person_id="somebody")
    await profiles.own(profiles.boundaries.SetBoundary, boundary, unique)
    answer = await profiles.own(profiles.calls.ExportPerson, pb.ExportPersonRequest(person_id=unique), unique)
    assert (list(answer.profile.wants), list(answer.blocked_person_ids)) == (["quiet"], ["somebody"])
