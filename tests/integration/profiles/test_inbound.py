"""Feeds write upserts to the inbound topic: each takes effect once and in order, or becomes a dead letter."""

from __future__ import annotations

import json

from acquaint.profiles.v1 import profile_service_pb2 as pb
from acquaint.profiles.v1.events_pb2 import ProfileUpsertRequested
from acquaint.profiles.v1.profile_pb2 import Profile

from services.platform.testing import eventually
from tests.integration.profiles.running import ProfilesUnderTest, person, refusal

JSON = [("content-type", b"application/json"), ("ce_source", b"hr")]
PROTOBUF = [("content-type", b"application/protobuf"), ("ce_source", b"hr")]


async def title_becomes(profiles: ProfilesUnderTest, name: str, title: str) -> Profile:
    found: list[Profile] = []

    async def there() -> bool:
        answer = await profiles.calls.BatchGetProfiles(pb.BatchGetProfilesRequest(person_ids=[name]))
        found[:] = answer.profiles
        return bool(found) and found[0].title == title

    await eventually(there, what=f"the title {title}")
    return found[0]


def upsert(profile: Profile, *mask: str) -> bytes:
    event = ProfileUpsertRequested(profile=profile)
    event.update_mask.paths.extend(mask)
    return event.SerializeToString()


async def test_json_in_the_mapping_of_protobuf_is_taken(profiles: ProfilesUnderTest, unique: str) -> None:
    body = {
        "profile": {
            "personId": unique,
            "name": "Jo",
            "title": "From JSON",
            "joinedOn": {"year": 2024, "month": 2, "day": 29},
        }
    }
    await profiles.send(json.dumps(body).encode(), headers=JSON)
    seen = await title_becomes(profiles, unique, "From JSON")
    assert (seen.name, seen.joined_on.day) == ("Jo", 29)
    assert (await profiles.public(unique)).profile.title == "From JSON"


async def test_several_upserts_of_one_person_take_effect_in_order(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.send(*(upsert(person(unique, title=str(n))) for n in range(10)), headers=PROTOBUF)
    await title_becomes(profiles, unique, "9")


async def test_a_mask_and_the_ownership_of_fields_hold_here_too(profiles: ProfilesUnderTest, unique: str) -> None:
    await profiles.imported(person(unique, title="Old", unit="u", skills=["go"]))
    await profiles.send(
        upsert(Profile(person_id=unique, title="New", skills=["x"]), "title", "skills"), headers=PROTOBUF
    )
    await title_becomes(profiles, unique, "New")
    own = await profiles.own(profiles.calls.GetProfile, pb.GetProfileRequest(person_id=unique), unique)
    assert (own.profile.unit, list(own.profile.skills)) == ("u", ["go"])


async def test_what_is_wrong_is_dead_lettered_with_its_reason_and_delays_nothing(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    erased = f"{unique}-erased"
    await profiles.own(profiles.calls.ErasePerson, pb.ErasePersonRequest(person_id=erased), erased)
    before = len(await profiles.dead_letters())
    await profiles.send(
        upsert(person(f"{unique}-zone", time_zone="nowhere")),
        upsert(person(erased)),
        b"\xff\xff",
        upsert(Profile(name="nobody")),
        upsert(person(unique, title="Good")),
        headers=PROTOBUF,
    )
    await title_becomes(profiles, unique, "Good")

    async def buried() -> bool:
        return len(await profiles.dead_letters()) == before + 4

    await eventually(buried, what="four dead letters")
    letters = (await profiles.dead_letters())[before:]
    reasons = [
        " ".join(value.decode() for name, value in letter.headers if name.startswith("dlq")) for letter in letters
    ]
    assert any("profile.time_zone" in reason for reason in reasons)
    assert any("PERSON_ERASED" in reason for reason in reasons)
    error = await refusal(profiles.own(profiles.calls.GetProfile, pb.GetProfileRequest(person_id=erased), erased))
    assert error.code.name == "NOT_FOUND"
