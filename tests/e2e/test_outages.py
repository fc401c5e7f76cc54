"""The database and the broker go away for long under a whole stack, and what verify says of damage done by hand.

A stack of its own, with short times: no child is ever started again, so one that died would be seen. The tests of this
file follow one another.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from acquaint.interactions.v1 import events_pb2, interaction_pb2, interaction_service_pb2, source_pb2
from acquaint.interactions.v1.source_service_pb2 import RegisterSourceRequest
from acquaint.notifications.v1.inbox_service_pb2 import ListNotificationsRequest
from acquaint.operations.v1 import operations_service_pb2
from acquaint.profiles.v1 import events_pb2 as profile_events_pb2
from acquaint.profiles.v1 import profile_pb2, profile_service_pb2
from acquaint.profiles.v1.boundary_service_pb2 import SetBoundaryRequest
from acquaint.recommendations.v1.introduction_pb2 import LAUNCH_MODE_ON
from acquaint.recommendations.v1.introduction_service_pb2 import (
    ListProposalsRequest,
    PlanNowRequest,
    SetLaunchModeRequest,
    SuggestIntroductionsRequest,
)

from services.cli.connection import Clients, StackAddress, clients, find
from services.cli.verify.command import check
from services.devstack.process import ProcessMark
from services.devstack.service import is_serving
from services.devstack.supervisor import Stack, StackOptions
from services.platform.errors import from_rpc_error, reason_name
from services.platform.mongo import Collection, Database
from services.platform.rpc import acting_for
from services.platform.settings import MongoSettings
from services.platform.testing import eventually
from tests.e2e.command import Acquaint
from tests.e2e.feed import Feed, open_feed
from tests.e2e.organisation import Files, write

WATCHDOG_SECONDS = 4.0
SETTINGS = {
    "ACQUAINT_CONSUMER__WATCHDOG_SECONDS": str(WATCHDOG_SECONDS),
    "ACQUAINT_CONSUMER__STATUS_SECONDS": "0.2",
    "ACQUAINT_CONSUMER__MAXIMUM_BACKOFF_SECONDS": "1",
    "ACQUAINT_RELAY__MAXIMUM_BACKOFF_SECONDS": "1",
    "ACQUAINT_MONGO__SERVER_SELECTION_SECONDS": "1",
    "ACQUAINT_KAFKA__REQUEST_TIMEOUT_SECONDS": "5",
}
JOINING = ("--join-after-notice", "intranet", "--informed-at", "2026-01-05T09:00:00")
SOURCE = "calendar"
BURST = 10_000
PATIENT = 60.0

pytestmark = pytest.mark.timeout(240)


@dataclass(slots=True, kw_only=True)
class Ground:
    """The stack, what speaks to it, and how many interactions it must hold by now."""

    stack: Stack
    address: StackAddress
    acquaint: Acquaint
    stubs: Clients
    feed: Feed
    files: Files
    marks: Mapping[str, ProcessMark | None] = field(default_factory=dict)
    expected: int = 0

    async def record(self, count: int) -> None:
        """Records so many new interactions in one call."""
        batch = [interaction(self.expected + number) for number in range(count)]
        request = interaction_service_pb2.RecordInteractionsRequest(interactions=batch)
        response = await self.stubs.interactions.RecordInteractions(request, timeout=20)
        assert response.accepted == count
        self.expected += count

    async def verified(self) -> dict[str, Any]:
        """What verify finds once nothing is on its way."""
        return await check(self.address, PATIENT)

    def nobody_died(self) -> bool:
        """Whether each service is still the process that was started first."""
        return all(service.child.running for service in self.stack.services.values()) and self.marks == marks(
            self.stack
        )


def marks(stack: Stack) -> dict[str, ProcessMark | None]:
    return {name: service.child.mark for name, service in stack.services.items()}


def interaction(number: int) -> interaction_pb2.Interaction:
    made = interaction_pb2.Interaction(
        interaction_id=f"i-{number}",
        source=SOURCE,
        type=interaction_pb2.INTERACTION_TYPE_MEETING,
        initiator_id="p001",
        participant_ids=["p002"],
    )
    made.time.seconds = 1_700_000_000 + number
    return made


@pytest.fixture(scope="module")
async def ground(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    """A stack with a small organisation, in which somebody has been asked whether they want to meet."""
    directory = tmp_path_factory.mktemp("frail")
    files = write(directory, people=24, mails=400)
    options = StackOptions(data_dir=directory / "stack", restart=False, usual_ports=False, settings=SETTINGS)
    async with Stack(options) as stack, open_feed(stack.broker.bootstrap) as feed:
        address = find(stack.data_dir)
        acquaint = Acquaint(data_dir=stack.data_dir)
        async with clients(address) as stubs:
            made = Ground(
                stack=stack, address=address, acquaint=acquaint, stubs=stubs, feed=feed, files=files, marks=marks(stack)
            )
            await acquaint.json("import", str(files.people), *JOINING)
            await acquaint.json("replay", str(files.events))
            source = source_pb2.Source(source_id=SOURCE, purpose="A test.", enabled=True)
            await stubs.sources.RegisterSource(RegisterSourceRequest(source=source))
            made.expected = files.mails
            await stubs.introductions.SetLaunchMode(SetLaunchModeRequest(mode=LAUNCH_MODE_ON))
            await stubs.introductions.PlanNow(PlanNowRequest())
            yield made


async def refused(call: Awaitable[Any]) -> tuple[str, str, bool]:
    """Code, reason and whether a time to wait is given, of a call that fails."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = from_rpc_error(caught.value)
    return error.code.name, reason_name(error.reason), error.retry_after is not None


async def test_a_database_gone_far_longer_than_the_watchdog_waits_ends_no_process_and_loses_nothing(
    ground: Ground,
) -> None:
    stubs, loop = ground.stubs, asyncio.get_running_loop()
    await ground.record(10)
    assert (await ground.verified())["clean"]

    for number in range(BURST):
        event = events_pb2.InteractionReported(interaction=interaction(ground.expected + number))
        await ground.feed.send("acquaint.interactions.inbound.v1", event.SerializeToString(), partition=number % 4)
    ground.expected += BURST

    async def behind() -> bool:
        status = await stubs.operations["interactions"].GetStatus(operations_service_pb2.GetStatusRequest())
        return any(consumer.lag > 0 for consumer in status.consumers)

    await eventually(behind, what="a lag that the watchdog knows of")
    await ground.stack.kill("database")
    gone = loop.time()
    profile = profile_pb2.Profile(person_id="late", name="Late")
    upsert = profile_events_pb2.ProfileUpsertRequested(profile=profile).SerializeToString()
    await ground.feed.send("acquaint.profiles.inbound.v1", upsert, headers=[("ce_source", b"hr")])
    await ground.feed.flush()

    batch = interaction_service_pb2.RecordInteractionsRequest(interactions=[interaction(-1)])
    boundary = SetBoundaryRequest(person_id="p001", other_person_id="p002")
    own = acting_for("p001")
    calls = {
        "record": stubs.interactions.RecordInteractions(batch, timeout=20),
        "people": stubs.profiles.ListProfiles(profile_service_pb2.ListProfilesRequest(), timeout=20),
        "boundary": stubs.boundaries.SetBoundary(boundary, timeout=20, metadata=own),
        "proposals": stubs.introductions.ListProposals(ListProposalsRequest(), timeout=20),
        "inbox": stubs.inbox.ListNotifications(ListNotificationsRequest(person_id="p001"), timeout=20, metadata=own),
    }
    found = dict(zip(calls, await asyncio.gather(*(refused(call) for call in calls.values())), strict=True))
    assert found == dict.fromkeys(calls, ("UNAVAILABLE", "DEPENDENCY_UNAVAILABLE", True))

    await eventually(
        lambda: loop.time() - gone > 3 * WATCHDOG_SECONDS, timeout=60, what="three times the watchdog's time"
    )
    assert ground.nobody_died()
    await ground.stack.revive("database")

    async def known() -> bool:
        request = profile_service_pb2.BatchGetProfilesRequest(person_ids=["late"])
        try:
            return bool((await stubs.profiles.BatchGetProfiles(request)).profiles)
        except grpc.aio.AioRpcError:
            return False

    await eventually(known, timeout=PATIENT, what="the person who came while the database was away")
    await ground.record(10)
    report = await ground.verified()
    assert report["clean"], report
    assert report["held"]["documents"] == ground.expected
    assert ground.nobody_died()


async def test_interactions_are_acknowledged_while_the_broker_is_gone_and_published_when_it_is_back(
    ground: Ground,
) -> None:
    before = ground.expected
    killed, enough, over = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def go_on_recording() -> None:
        batches_after = 0
        while batches_after < 60:
            await ground.record(20)
            batches_after += killed.is_set()
            if batches_after == 40:
                enough.set()
                await over.wait()

    recording = asyncio.create_task(go_on_recording())
    await eventually(lambda: ground.expected - before >= 100, what="the first batches")
    await ground.stack.kill("broker")
    killed.set()
    await asyncio.wait_for(enough.wait(), 30)
    waiting = await ground.acquaint.json("verify", "--wait", "0.5", code=1)
    assert "interactions: outbox of acquaint.interactions.v1/0" in {each["what"] for each in waiting["differences"]}
    suggest = SuggestIntroductionsRequest(person_id="p001", limit=5)
    assert (await ground.stubs.introductions.SuggestIntroductions(suggest)).suggestions
    assert all([await is_serving(service.address) for service in ground.stack.services.values()])

    await ground.stack.revive("broker")
    over.set()
    await recording
    report = await ground.verified()
    assert report["clean"], report
    held = report["held"]
    assert held["documents"] == held["topic"] == held["graph"] == ground.expected
    assert ground.nobody_died()


@asynccontextmanager
async def opened(stack: Stack, service: str) -> AsyncIterator[Database]:
    """A service's database, for somebody who tampers with it."""
    database = Database.connect(MongoSettings(uri=stack.database.uri), f"acquaint_{service}")
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def interactions(ground: Ground) -> AsyncIterator[Database]:
    async with opened(ground.stack, "interactions") as database:
        yield database


@pytest.fixture
async def notifications(ground: Ground) -> AsyncIterator[Collection]:
    async with opened(ground.stack, "notifications") as database:
        yield database.collection("notifications")


async def take_out(collection: Collection, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Removes one document and returns it."""
    document = await collection.find_one(chosen)
    assert document is not None
    await collection.delete_one({"_id": document["_id"]})
    return document


async def test_verify_names_what_is_lost_from_a_store_and_is_clean_when_it_is_back(
    ground: Ground, interactions: Database, notifications: Collection
) -> None:
    async def somebody_was_asked() -> bool:
        return (await ground.verified())["held"].get("messages", 0) > 0

    await eventually(somebody_was_asked, timeout=PATIENT, what="a message to somebody")
    documents, rows = interactions.collection("interactions"), interactions.collection("outbox")
    lost = await take_out(documents, {})
    unsaid = await take_out(notifications, {"channel": "inbox"})
    others = [each["_id"] for each in await notifications.find({"event_id": unsaid["event_id"]})]
    mails = [await take_out(notifications, {"_id": each}) for each in others]
    found = await ground.acquaint.json("verify", "--wait", "2", code=1)
    assert {each["what"]: each["found"] for each in found["differences"]} == {
        "journal, as streamed, against the documents": f"{ground.expected} records, not {ground.expected - 1}",
        "journal, as stored, against the documents": f"{ground.expected} records, not {ground.expected - 1}",
        f"message {unsaid['event_id']}": "has no notification",
    }

    await notifications.insert_many([unsaid, *mails])
    await documents.insert_one({**lost, "_id": f"{lost['_id']}-other"})
    swapped = await ground.acquaint.json("verify", code=1)
    assert {each["found"] for each in swapped["differences"]} == {
        f"{ground.expected} records, as many, but with other ids"
    }

    await documents.delete_one({"_id": f"{lost['_id']}-other"})
    await documents.insert_one(lost)
    row = await take_out(rows, {"shard": "acquaint.interactions.v1/0", "first_sequence": {"$gt": 1}})
    holed = await ground.acquaint.json("verify", code=1)
    faults = [each["found"] for each in holed["differences"] if each["what"] == "journal"]
    assert any(f"{row['first_sequence']} is missing" in fault for fault in faults), holed
    await rows.insert_one(row)
    report = await ground.verified()
    assert report["clean"], report


async def test_verify_names_a_sequence_that_two_records_of_the_topic_claim(ground: Ground) -> None:
    headers = {
        "ce_id": f"{SOURCE}/forged",
        "ce_type": "acquaint.interactions.v1.InteractionRecorded",
        "ce_source": "acquaint/interactions",
        "ce_specversion": "1.0",
        "ce_sequence": f"{3:020}",
    }
    encoded = [(name, value.encode()) for name, value in headers.items()]
    forged = events_pb2.InteractionRecorded(interaction=interaction(-1)).SerializeToString()
    await ground.feed.send("acquaint.interactions.v1", forged, headers=encoded)
    await ground.feed.flush()
    found = await ground.acquaint.json("verify", code=1)
    (difference,) = found["differences"]
    assert difference["what"] == "topic"
    assert difference["found"].startswith("sequence 3 is ")
    assert f"'{SOURCE}/forged'" in difference["found"]
    assert ground.nobody_died(), "a repeat below the position is not folded and harms nobody"
