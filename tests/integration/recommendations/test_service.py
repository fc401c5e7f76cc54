"""The service among the others, on a real broker and a real database: from interactions to introductions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from acquaint.interactions.v1.interaction_service_pb2 import GetDigestRequest
from acquaint.profiles.v1.boundary_service_pb2 import SetBoundaryRequest
from acquaint.profiles.v1.profile_pb2 import Profile
from acquaint.profiles.v1.profile_service_pb2 import ErasePersonRequest
from acquaint.recommendations.v1 import introduction_pb2 as ipb
from acquaint.recommendations.v1 import introduction_service_pb2 as pb
from acquaint.recommendations.v1.events_pb2 import IntroductionAnnounced, IntroductionMade, InvitationIssued
from acquaint.recommendations.v1.network_service_pb2 import ListTiesRequest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition
from google.protobuf.message import Message

from services.devstack.ports import free_port
from services.platform import envelope
from services.platform.errors import from_rpc_error
from services.platform.rpc import acting_for
from services.platform.testing import eventually
from services.recommendations.app import INTERACTIONS
from services.recommendations.events import INTRODUCTIONS, INVITATIONS
from tests.integration.recommendations.trio import Replica, Trio


def somebody(person_id: str, **fields: object) -> Profile:
    """A person who shares an interest with those whose ids begin alike."""
    return Profile(person_id=person_id, name=person_id.title(), interests=[person_id.rstrip("0123456789")], **fields)


async def suggested(replica: Replica, person_id: str, limit: int = 10) -> pb.SuggestIntroductionsResponse:
    return await replica.calls.SuggestIntroductions(pb.SuggestIntroductionsRequest(person_id=person_id, limit=limit))


async def seen(replica: Replica, person_id: str) -> list[ipb.Introduction]:
    request = pb.ListIntroductionsRequest(person_id=person_id)
    return list((await replica.calls.ListIntroductions(request, metadata=acting_for(person_id))).introductions)


async def answer(replica: Replica, introduction_id: str, person_id: str, answer: pb.Answer.ValueType):
    request = pb.RespondToInvitationRequest(introduction_id=introduction_id, person_id=person_id, answer=answer)
    return (await replica.calls.RespondToInvitation(request, metadata=acting_for(person_id))).introduction


async def asked_to_meet(replica: Replica, one: str, other: str) -> ipb.Introduction:
    """Switches the launch on, makes the first of the two due, and returns what they are asked."""
    await replica.calls.SetLaunchMode(pb.SetLaunchModeRequest(mode=ipb.LAUNCH_MODE_ON))
    await replica.calls.PlanNow(pb.PlanNowRequest(person_ids=[one]))
    found: list[ipb.Introduction] = []

    async def asked() -> bool:
        found[:] = [each for each in await seen(replica, one) if other in {who.person_id for who in each.participants}]
        return bool(found)

    await eventually(asked, what=f"the invitation of {one} and {other}")
    await replica.calls.SetLaunchMode(pb.SetLaunchModeRequest(mode=ipb.LAUNCH_MODE_OFF))
    return found[0]


async def refusal(call) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return from_rpc_error(error.value).code


@pytest.fixture
async def off(three: Trio, port: int) -> AsyncIterator[Replica]:
    """A replica in the mode off."""
    async with three.replica(port) as replica:
        await replica.calls.SetLaunchMode(pb.SetLaunchModeRequest(mode=ipb.LAUNCH_MODE_OFF))
        yield replica


async def known(replica: Replica, *person_ids: str) -> None:
    """Waits until the replica has everybody's profile."""

    async def everybody() -> bool:
        request = pb.BatchSuggestIntroductionsRequest(person_ids=person_ids, limit=100)
        lists = (await replica.calls.BatchSuggestIntroductions(request)).lists
        return not any(each.HasField("error") for each in lists) and all(
            set(person_ids) - {each.person_id} <= {one.person_id for one in each.suggestions} for each in lists
        )

    await eventually(everybody, what="the profiles")


async def test_recorded_meetings_become_suggestions_with_true_reasons_and_a_position(three: Trio, off: Replica):
    people = [somebody(f"s{number}", skills=["Go"] if number in (0, 4) else []) for number in range(5)]
    await three.meet(*people)
    await known(off, *(each.person_id for each in people))
    await three.register("calendar")
    before = (await off.digest()).position.sequence
    await three.record("calendar", 1, [("s0", "s1"), ("s1", "s2", "s4"), ("s0", "s1")])
    digest = await off.folded(before + 3)
    found = await suggested(off, "s0")
    assert [each.person_id for each in found.suggestions][:2] == ["s4", "s2"]
    assert [each.rank for each in found.suggestions] == list(range(1, len(found.suggestions) + 1))
    assert "s1" not in {each.person_id for each in found.suggestions}
    assert found.suggestions[0].reasons[0].type == ipb.REASON_TYPE_SHARED_SKILL
    assert list(found.suggestions[0].reasons[0].values) == ["Go"]
    assert found.position.sequence == digest.position.sequence
    assert set(found.position.state_positions) == {
        f"acquaint.{topic}.v1/{partition}" for topic in ("profiles", "private-profiles") for partition in range(4)
    }
    assert found.position.as_of.seconds % 60 == 0
    assert found.position.ranker_version
    company = (await suggested(off, "s2")).suggestions
    together = next(each for each in company if each.person_id == "s4")
    assert list(together.reasons[0].values) == ["meeting"]
    mine = await off.network.ListTies(ListTiesRequest(person_id="s0"), metadata=acting_for("s0"))
    assert [each.person_id for each in mine.ties] == ["s1"]
    assert mine.ties[0].last_contact_time.seconds % 86_400 == 0
    assert await refusal(off.network.ListTies(ListTiesRequest(person_id="s0"), metadata=acting_for("s1"))) is (
        grpc.StatusCode.PERMISSION_DENIED
    )


async def test_who_is_unknown_and_who_was_erased_are_not_found_alike(three: Trio, off: Replica):
    await three.meet(somebody("x1"), somebody("x2"))
    await known(off, "x1", "x2")
    await three.profiles.ErasePerson(ErasePersonRequest(person_id="x1"), metadata=acting_for("x1"))

    async def erased() -> bool:
        return "x1" not in {each.person_id for each in (await suggested(off, "x2", 100)).suggestions}

    await eventually(erased, what="the erasure")
    details = []
    for nobody in ("x1", "x9"):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await suggested(off, nobody)
        details.append((error.value.code(), (error.value.details() or "").replace(nobody, "")))
    assert details[0] == details[1]
    request = pb.BatchSuggestIntroductionsRequest(person_ids=["x1", "x2"])
    lists = (await off.calls.BatchSuggestIntroductions(request)).lists
    assert [each.error.code for each in lists] == [grpc.StatusCode.NOT_FOUND.value[0], 0]


async def test_the_shadow_shows_operators_what_would_have_been_asked_and_asks_nobody(three: Trio, off: Replica):
    await three.meet(somebody("sh1"), somebody("sh2"))
    await known(off, "sh1", "sh2")
    before = len(await three.topic(INVITATIONS))
    await off.calls.SetLaunchMode(pb.SetLaunchModeRequest(mode=ipb.LAUNCH_MODE_SHADOW))
    assert (await off.calls.GetLaunchMode(pb.GetLaunchModeRequest())).mode == ipb.LAUNCH_MODE_SHADOW
    assert (await off.calls.PlanNow(pb.PlanNowRequest(person_ids=["sh1"]))).due == 1
    found: list[ipb.Introduction] = []

    async def proposed() -> bool:
        page = (await off.calls.ListProposals(pb.ListProposalsRequest())).introductions
        found[:] = [each for each in page if "sh1" in {who.person_id for who in each.participants}]
        return bool(found)

    await eventually(proposed, what="a proposal")
    assert found[0].state == ipb.INTRODUCTION_STATE_PROPOSED
    assert await seen(off, "sh1") == []
    request = pb.GetIntroductionRequest(introduction_id=found[0].introduction_id, person_id="sh1")
    assert await refusal(off.calls.GetIntroduction(request, metadata=acting_for("sh1"))) is grpc.StatusCode.NOT_FOUND
    assert (await off.digest()).unpublished == 0
    assert len(await three.topic(INVITATIONS)) == before


async def events(three: Trio, introduction_id: str) -> list[tuple[str, str | None, Message]]:
    """(id, key, event) of everything on both topics about an introduction."""
    found = []
    for topic in (INVITATIONS, INTRODUCTIONS):
        for record in await three.topic(topic):
            event = envelope.decode(record, topic)
            assert isinstance(event, Message)
            if getattr(event, "introduction_id", "") == introduction_id:
                found.append((record.id or "", record.key, event))
    return found


async def test_a_full_double_opt_in_reaches_the_topics_once(three: Trio, off: Replica):
    await three.meet(somebody("o1", fields=["Law"]), somebody("o2", fields=["Law"]))
    await known(off, "o1", "o2")
    asked = await asked_to_meet(off, "o1", "o2")
    named = asked.introduction_id
    assert asked.reasons[0].type == ipb.REASON_TYPE_SHARED_FIELD
    assert len(asked.starters) == 2
    assert [each.invitation for each in asked.participants if each.person_id == "o2"] == [0]
    first = await answer(off, named, "o1", pb.ANSWER_ACCEPT)
    assert first.state == ipb.INTRODUCTION_STATE_INVITED
    assert (await seen(off, "o2"))[0].etag == (await seen(off, "o2"))[0].etag
    second = await answer(off, named, "o2", pb.ANSWER_ACCEPT)
    assert second.state == ipb.INTRODUCTION_STATE_MADE

    async def published() -> bool:
        return len(await events(three, named)) == 7

    await eventually(published, what="everything on the topics")
    found = await events(three, named)
    issued = {(event.recipient_id, key) for _, key, event in found if isinstance(event, InvitationIssued)}
    made = {event.recipient_id for _, _, event in found if isinstance(event, IntroductionMade)}
    announced = [(key, event) for _, key, event in found if isinstance(event, IntroductionAnnounced)]
    assert issued == {("o1", "o1"), ("o2", "o2")}
    assert made == {"o1", "o2"}
    assert [(key, event.kind) for key, event in announced] == [(named, ipb.PUBLIC_KIND_OTHER)]
    streamed = [
        message
        async for chunk in off.calls.StreamIssuedMessages(pb.StreamIssuedMessagesRequest())
        for message in chunk.messages
        if message.introduction_id == named
    ]
    handed_on = (InvitationIssued, IntroductionMade)
    assert {each.message_id for each in streamed} == {one for one, _, event in found if isinstance(event, handed_on)}
    wanted = await off.calls.CheckInvitations(pb.CheckInvitationsRequest(messages=streamed))
    by_id = dict(zip((each.message_id for each in streamed), wanted.wanted, strict=True))
    assert all(by_id[one] is isinstance(event, IntroductionMade) for one, _, event in found if one in by_id)


async def test_a_boundary_cancels_what_is_unsent_and_shows_to_nobody(three: Trio, off: Replica):
    await three.meet(somebody("b1"), somebody("b2"))
    await known(off, "b1", "b2")
    asked = await asked_to_meet(off, "b1", "b2")
    before = await seen(off, "b2")
    references = [
        message
        async for chunk in off.calls.StreamIssuedMessages(pb.StreamIssuedMessagesRequest())
        for message in chunk.messages
        if message.introduction_id == asked.introduction_id
    ]
    check = pb.CheckInvitationsRequest(messages=references)
    assert list((await off.calls.CheckInvitations(check)).wanted) == [True, True]
    boundary = SetBoundaryRequest(person_id="b1", other_person_id="b2")
    await three.boundaries.SetBoundary(boundary, metadata=acting_for("b1"))

    async def cancelled() -> bool:
        return not any((await off.calls.CheckInvitations(check)).wanted)

    await eventually(cancelled, what="the cancellation")
    assert await seen(off, "b2") == before
    for each in ("b1", "b2"):
        after = await answer(off, asked.introduction_id, each, pb.ANSWER_ACCEPT)
        assert after.state == ipb.INTRODUCTION_STATE_INVITED
    assert "b1" not in {each.person_id for each in (await suggested(off, "b2", 100)).suggestions}


async def test_an_erasure_withdraws_at_once(three: Trio, off: Replica):
    await three.meet(somebody("e1"), somebody("e2"))
    await known(off, "e1", "e2")
    asked = await asked_to_meet(off, "e1", "e2")
    await three.profiles.ErasePerson(ErasePersonRequest(person_id="e1"), metadata=acting_for("e1"))

    async def withdrawn() -> bool:
        return (await seen(off, "e2"))[0].state == ipb.INTRODUCTION_STATE_CLOSED

    await eventually(withdrawn, what="the withdrawal")
    (left,) = await seen(off, "e2")
    assert [(each.person_id, each.invitation) for each in left.participants] == [("e2", ipb.INVITATION_STATE_WITHDRAWN)]
    assert await seen(off, "e1") == []
    assert await refusal(answer(off, asked.introduction_id, "e2", pb.ANSWER_ACCEPT)) is (
        grpc.StatusCode.FAILED_PRECONDITION
    )


async def by_single_pages(replica: Replica, person_id: str) -> list[ipb.Introduction]:
    """What `seen` gives, one introduction a page."""
    pages: list[ipb.Introduction] = []
    token = ""
    while True:
        request = pb.ListIntroductionsRequest(person_id=person_id, page_size=1, page_token=token)
        page = await replica.calls.ListIntroductions(request, metadata=acting_for(person_id))
        assert len(page.introductions) <= 1
        pages += page.introductions
        token = page.next_page_token
        if not token:
            return pages


async def test_pages_of_introductions_are_one_list(three: Trio, off: Replica):
    await three.meet(*(somebody(f"pg{number}") for number in range(4)))
    await known(off, *(f"pg{number}" for number in range(4)))
    await off.calls.SetLaunchMode(pb.SetLaunchModeRequest(mode=ipb.LAUNCH_MODE_ON))
    await off.calls.PlanNow(pb.PlanNowRequest(person_ids=[f"pg{number}" for number in range(4)]))

    async def several() -> bool:
        return max([len(await seen(off, f"pg{number}")) for number in range(4)]) >= 2

    await eventually(several, what="two invitations of one person")
    await off.calls.SetLaunchMode(pb.SetLaunchModeRequest(mode=ipb.LAUNCH_MODE_OFF))
    lists = {f"pg{number}": await seen(off, f"pg{number}") for number in range(4)}
    person_id = max(lists, key=lambda each: len(lists[each]))

    async def the_same() -> bool:
        # A proposal that was on its way when the mode was set may still come in between.
        return await by_single_pages(off, person_id) == await seen(off, person_id)

    await eventually(the_same, what="the pages of one list")
    made = pb.ListIntroductionsRequest(person_id=person_id, state=ipb.INTRODUCTION_STATE_MADE)
    assert not (await off.calls.ListIntroductions(made, metadata=acting_for(person_id))).introductions


async def test_replicas_from_snapshot_and_tail_from_the_journal_and_over_a_gap_are_equal(
    three: Trio, port: int, tmp_path: Path
):
    await three.register("rooms")
    async with three.replica(port, tmp_path) as first:
        before = (await first.digest()).position.sequence
        await three.record("rooms", 1, [("r1", "r2", "r3"), ("r4", "r5")])
        await first.folded(before + 2)
    await three.record("rooms", 100, [(f"r{number}", f"r{number + 1}") for number in range(30)])
    async with three.replica(port, tmp_path) as tail, three.replica(free_port()) as fresh:
        one, other = await tail.folded(before + 32), await fresh.folded(before + 32)
        assert one.state_hash == other.state_hash
        assert (one.fold_count, one.fold_id_sum) == (other.fold_count, other.fold_id_sum)
    await three.record("rooms", 200, [("r7", "r9")])
    await leave_only_the_end(three)
    async with three.replica(port, tmp_path) as over_a_gap, three.replica(free_port()) as fresh:
        one, other = await over_a_gap.folded(before + 33), await fresh.folded(before + 33)
        assert one.state_hash == other.state_hash
        await three.record("rooms", 300, [("r7", "r8")])
        one, other = await over_a_gap.folded(before + 34), await fresh.folded(before + 34)
        assert one.state_hash == other.state_hash


async def leave_only_the_end(three: Trio) -> None:
    """Removes every record of the topic, as its retention does."""

    async def published() -> bool:
        journal = await three.interactions.GetDigest(GetDigestRequest())
        return journal.published_through == journal.end_sequence

    await eventually(published, what="the publication of everything")
    admin = AIOKafkaAdminClient(bootstrap_servers=three.ground.bootstrap)
    await admin.start()
    try:
        end = max(record.offset for record in await three.topic(INTERACTIONS)) + 1
        place = TopicPartition(INTERACTIONS.name, 0)
        await admin.delete_records({place: RecordsToDelete(before_offset=end)})
    finally:
        await admin.close()
