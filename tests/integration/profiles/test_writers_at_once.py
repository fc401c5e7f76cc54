"""Several writers at once: nobody loses a change, nothing takes effect twice, no version is given out twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from acquaint.profiles.v1 import profile_service_pb2 as pb
from acquaint.profiles.v1.boundary_service_pb2 import SetBoundaryRequest
from acquaint.profiles.v1.events_pb2 import ProfileUpsertRequested
from acquaint.profiles.v1.profile_pb2 import Identity, Profile
from google.protobuf.field_mask_pb2 import FieldMask

from services.platform.clock import SystemClock
from services.platform.consumer import Delivery
from services.platform.errors import ServiceError, StartRefused
from services.platform.mongo import Database
from services.platform.outbox import Outbox
from services.platform.telemetry import Metrics
from services.profiles.app import Storage
from services.profiles.domain.ownership import HR_FIELDS, Ownership
from services.profiles.events import Inbound
from services.profiles.people.changes import Changes
from services.profiles.people.states import INBOUND, PRIVATE, PUBLIC
from services.profiles.people.writer import Writer
from services.profiles.store import Boundaries, People
from tests.integration.profiles.running import ProfilesUnderTest, person, refusal


@pytest.fixture
async def beside(profiles: ProfilesUnderTest) -> AsyncIterator[Database]:
    """Another connection to the service's database."""
    database = Database.connect(profiles.settings.mongo)
    yield database
    await database.close()


def delivery(profile: Profile, offset: int, generation: int = 1) -> Delivery:
    return Delivery(
        topic=INBOUND.name,
        partition=0,
        offset=offset,
        generation=generation,
        key=None,
        id=None,
        source="hr",
        type=ProfileUpsertRequested.DESCRIPTOR.full_name,
        sequence=None,
        event=ProfileUpsertRequested(profile=profile),
        timestamp_ms=0,
        identity=f"{generation}/{offset}",
        traceparent=None,
    )


async def test_two_feeds_importing_the_same_people_at_once_disturb_nobody(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    people = [person(f"{unique}-{n}", identities=[Identity(system="badge", id=f"{unique}-{n}")]) for n in range(50)]
    answers = await asyncio.gather(*(profiles.imported(*people) for _ in range(4)))
    created = [result for answer in answers for result in answer if result.outcome == pb.IMPORT_OUTCOME_CREATED]
    refused = [result for answer in answers for result in answer if result.outcome == pb.IMPORT_OUTCOME_REFUSED]
    assert (len(created), refused) == (50, [])
    assert len(await profiles.published(PUBLIC, f"{unique}-7")) == 1


async def test_of_two_changes_made_from_the_same_reading_one_is_refused(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    await profiles.imported(person(unique))

    async def change(skill: str) -> str:
        profile = Profile(person_id=unique, etag="v1", skills=[skill])
        request = pb.UpdateProfileRequest(profile=profile, update_mask=FieldMask(paths=["skills"]))
        try:
            await profiles.own(profiles.calls.UpdateProfile, request, unique)
        except Exception as error:
            return type(error).__name__
        return "done"

    outcomes = sorted(await asyncio.gather(*(change(skill) for skill in ("a", "b", "c"))))
    assert outcomes == ["AioRpcError", "AioRpcError", "done"]


async def test_records_of_one_person_are_published_in_the_order_of_their_versions(
    profiles: ProfilesUnderTest, unique: str
) -> None:
    names = [f"{unique}-{n}" for n in range(6)]
    await profiles.imported(*map(person, names))
    boundaries = [
        SetBoundaryRequest(person_id=one, other_person_id=other) for one in names for other in names if one < other
    ]
    await asyncio.gather(
        *(profiles.own(profiles.boundaries.SetBoundary, each, each.person_id) for each in boundaries),
        *(profiles.imported(*(person(name, title=str(n)) for name in names)) for n in range(4)),
    )
    for name in names:
        for topic in (PUBLIC, PRIVATE):
            versions = [state.version for state in await profiles.published(topic, name)]  # type: ignore[attr-defined]
            assert versions == sorted(set(versions))
        assert list((await profiles.private(name)).boundary_person_ids) == sorted(set(names) - {name})


async def test_an_upsert_not_above_the_last_applied_has_no_effect(
    profiles: ProfilesUnderTest, beside: Database, unique: str
) -> None:
    clock, settings = SystemClock(), profiles.settings
    outbox = Outbox(
        beside, [PUBLIC, PRIVATE], source="test", clock=clock, settings=settings.journal, metrics=Metrics.create()
    )
    writer = Writer(beside, People(beside, settings.identity_hash_key), Boundaries(beside), outbox)
    inbound = Inbound(Changes(writer, clock), Ownership(feeds={"hr": HR_FIELDS}))

    async def deliver(*deliveries: Delivery) -> None:
        assert await beside.transaction(lambda session: inbound.on_upserts(session, deliveries)) == []

    async def title() -> str:
        return (await profiles.calls.GetProfile(pb.GetProfileRequest(person_id=unique))).profile.title

    await deliver(delivery(person(unique, title="five"), 5))
    await profiles.imported(person(unique, title="by call"))
    await deliver(delivery(person(unique, title="four"), 4), delivery(person(unique, title="five"), 5))
    assert await title() == "by call"
    await deliver(delivery(person(unique, title="by call"), 7))
    await profiles.imported(person(unique, title="by call again"))
    await deliver(delivery(person(unique, title="by call"), 7))
    assert await title() == "by call again"
    await deliver(delivery(person(unique, title="new life of the topic"), 0, generation=2))
    assert await title() == "new life of the topic"


async def test_another_key_of_identity_hashes_is_refused_at_the_start(
    profiles: ProfilesUnderTest, beside: Database
) -> None:
    with pytest.raises(StartRefused, match="ACQUAINT_PEOPLE__IDENTITY_HASH_KEY"):
        await Storage(beside, People(beside, "another key of identity hashes")).start()


async def test_no_more_boundaries_than_fit_a_record(profiles: ProfilesUnderTest, beside: Database, unique: str) -> None:
    await profiles.imported(person(unique))
    documents = [{"person": unique, "other": f"other-{n}"} for n in range(1000)]
    await beside.collection("boundaries").insert_many(documents)
    known = SetBoundaryRequest(person_id=unique, other_person_id="other-7")
    await profiles.own(profiles.boundaries.SetBoundary, known, unique)
    one_more = SetBoundaryRequest(person_id=unique, other_person_id="one more")
    error: ServiceError = await refusal(profiles.own(profiles.boundaries.SetBoundary, one_more, unique))
    assert error.code.name == "FAILED_PRECONDITION"
