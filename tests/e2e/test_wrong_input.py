"""What others send that is wrong: an error that names it or a dead letter with its reason, and nothing else is delayed.

On the stack that all of this folder use; every test has sources and people of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from acquaint.interactions.v1 import events_pb2, interaction_pb2, interaction_service_pb2, source_pb2
from acquaint.interactions.v1 import source_service_pb2 as sources_pb2
from acquaint.profiles.v1 import events_pb2 as profile_events_pb2
from acquaint.profiles.v1 import profile_pb2, profile_service_pb2
from acquaint.recommendations.v1 import introduction_service_pb2

from services.cli.connection import Clients, find
from services.devstack.supervisor import Stack
from services.platform.errors import from_rpc_error, from_status, reason_name
from services.platform.rpc import connect
from services.platform.testing import eventually
from tests.e2e.command import Acquaint
from tests.e2e.feed import JSON, Bad, Feed, open_feed

INTERACTIONS = "acquaint.interactions.inbound.v1"
PROFILES = "acquaint.profiles.inbound.v1"
STATES = ("acquaint.profiles.v1", "acquaint.private-profiles.v1")
RECORD = "/acquaint.interactions.v1.InteractionService/RecordInteractions"
Interaction = interaction_pb2.Interaction


@pytest.fixture
async def feed(stack: Stack) -> AsyncIterator[Feed]:
    async with open_feed(stack.broker.bootstrap) as opened:
        yield opened


async def registered(stubs: Clients, source: str) -> str:
    """A source of this name, known to the service."""
    wanted = source_pb2.Source(source_id=source, purpose="A test.", enabled=True)
    await stubs.sources.RegisterSource(sources_pb2.RegisterSourceRequest(source=wanted))
    return source


@pytest.fixture
async def source(stubs: Clients, unique: str) -> str:
    return await registered(stubs, unique)


def interaction(number: int, source: str, *, participants: Sequence[str] = (), **fields: Any) -> Interaction:
    """An interaction of the source's own people, in the past."""
    made = Interaction(
        interaction_id=f"i-{number}",
        source=source,
        type=interaction_pb2.INTERACTION_TYPE_MEETING,
        initiator_id=f"{source}-a",
        participant_ids=participants or [f"{source}-b"],
        **fields,
    )
    made.time.seconds = 1_700_000_000 + number
    return made


def late(number: int, source: str) -> Interaction:
    """An interaction of a time that has not come."""
    made = interaction(number, source)
    made.time.seconds += 10**9
    return made


def reported(made: Interaction) -> bytes:
    return events_pb2.InteractionReported(interaction=made).SerializeToString()


async def record(stubs: Clients, *batch: Interaction) -> interaction_service_pb2.RecordInteractionsResponse:
    return await stubs.interactions.RecordInteractions(
        interaction_service_pb2.RecordInteractionsRequest(interactions=batch)
    )


async def held(stubs: Clients, source: str) -> int:
    """How many interactions of the source's own people are held."""
    count, token = 0, ""
    while True:
        request = interaction_service_pb2.ListInteractionsRequest(
            person_id=f"{source}-a", page_size=1000, page_token=token
        )
        page = await stubs.interactions.ListInteractions(request)
        count, token = count + len(page.interactions), page.next_page_token
        if not token:
            return count


async def test_a_call_that_is_wrong_is_refused_as_a_whole_and_the_next_one_is_taken(
    stack: Stack, stubs: Clients, source: str
) -> None:
    async with connect(stack.address("interactions"), token=find(stack.data_dir).token) as channel:
        method: Any = channel.unary_unary(RECORD)
        with pytest.raises(grpc.aio.AioRpcError) as malformed:
            await method(b"\x0a\xff\xff")
    assert malformed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "acquaint" not in (malformed.value.details() or "").lower()
    crowd = [f"p{number}" for number in range(200)]
    wrong = {
        "empty": [],
        "1,001 interactions": [interaction(number, source) for number in range(1001)],
        "20,200 participations": [interaction(number, source, participants=crowd) for number in range(101)],
    }
    for case, batch in wrong.items():
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await record(stubs, *batch)
        error = from_rpc_error(refused.value)
        assert error.code is grpc.StatusCode.INVALID_ARGUMENT, case
        assert [each.field for each in error.violations] == ["interactions"], case
    long = [f"{number:0128}" for number in range(20)]
    with pytest.raises(grpc.aio.AioRpcError) as oversize:
        await record(stubs, *(interaction(number, source, participants=long) for number in range(900)))
    assert reason_name(from_rpc_error(oversize.value).reason) == "REQUEST_TOO_LARGE"
    assert (await record(stubs, interaction(1, source))).accepted == 1


async def test_in_a_batch_each_wrong_item_has_its_own_reason_and_the_others_are_taken(
    stubs: Clients, source: str
) -> None:
    await record(stubs, interaction(1, source))
    timeless = interaction(2, source)
    timeless.ClearField("time")
    batch = [
        interaction(0, source),
        timeless,
        late(3, source),
        interaction(1, source, context_id="other"),
        interaction(4, f"{source}.unknown"),
        interaction(5, source, participants=[f"{source}-a"]),
        interaction(6, source),
    ]
    response = await record(stubs, *batch)
    reasons = [reason_name(from_status(each.error).reason) if each.error.code else "" for each in response.results]
    assert reasons == ["", "INVALID_FIELD", "TIME_IN_FUTURE", "ID_CONFLICT", "SOURCE_UNKNOWN", "INVALID_FIELD", ""]
    fields = [[each.field for each in from_status(result.error).violations] for result in response.results]
    assert fields[1:3] == [["interactions[1].time"], ["interactions[2].time"]]
    assert await held(stubs, source) == 3


def unreadable(type_name: str, good: bytes) -> list[Bad]:
    """Records of an inbound topic that nobody can read, whatever the topic carries."""
    of_type = ("ce_type", type_name.encode())
    return [
        Bad(case="null", value=None, headers=[of_type], error="null_value", reason="no value"),
        Bad(case="not utf-8", value=good, headers=[("ce_id", b"\xff")], error="malformed", reason="ce_id"),
        Bad(case="null header", value=good, headers=[("ce_type", None)], error="malformed", reason="ce_type"),
        Bad(case="truncated", value=good[:-3], headers=[of_type], error="undecodable", reason="is not a"),
        Bad(case="type", value=good, headers=[("ce_type", b"x.Y")], error="undecodable", reason="x.Y"),
        Bad(case="json", value=b'{"secret": 1}', headers=[JSON], error="undecodable", reason="does not map"),
        Bad(case="number", value=b"7", headers=[JSON], error="undecodable", reason="does not map"),
        Bad(case="list", value=b"[]", headers=[JSON], error="invalid", reason=": "),
        Bad(case="xml", value=b"<x/>", headers=[("content-type", b"text/xml")], error="undecodable", reason="text/xml"),
    ]


async def check_letters(feed: Feed, topic: str, group: str, prefix: str, bad: Sequence[Bad]) -> None:
    """Waits until each bad record is a dead letter, unchanged and with its reason."""

    async def all_there() -> bool:
        return len(await feed.letters(topic, group, prefix)) == len(bad)

    await eventually(all_there, timeout=30, what=f"{len(bad)} dead letters of {topic}")
    letters = await feed.letters(topic, group, prefix)
    for each in bad:
        letter = letters[each.case]
        assert letter.error == each.error, (each.case, letter)
        assert each.reason in letter.reason, (each.case, letter)
        assert letter.record.value == each.value, each.case


async def test_bad_interactions_on_the_inbound_topic_are_dead_letters_and_all_good_ones_are_applied(
    feed: Feed, stubs: Clients, source: str
) -> None:
    await record(stubs, interaction(0, source))
    bad = [
        *unreadable("acquaint.interactions.v1.InteractionReported", reported(interaction(900, source))),
        Bad(case="future", value=reported(late(901, source)), error="refused", reason="TIME_IN_FUTURE"),
        Bad(
            case="conflict",
            value=reported(interaction(0, source, context_id="other")),
            error="refused",
            reason="ID_CONFLICT",
        ),
        Bad(case="source", value=reported(interaction(902, f"{source}.x")), error="refused", reason="SOURCE_UNKNOWN"),
    ]
    for number, each in enumerate(bad, 1):
        await feed.send(INTERACTIONS, each.value, key=f"{source}/{each.case}", headers=each.headers)
        await feed.send(INTERACTIONS, reported(interaction(number, source)))
    await feed.flush()

    async def applied() -> bool:
        return await held(stubs, source) == 1 + len(bad)

    await eventually(applied, timeout=30, what="the good records around the bad ones")
    await check_letters(feed, INTERACTIONS, "interactions", f"{source}/", bad)


async def test_bad_people_on_the_inbound_topic_are_dead_letters_and_all_good_ones_are_applied(
    feed: Feed, stubs: Clients, unique: str
) -> None:
    def upsert(person: str, **fields: Any) -> bytes:
        profile = profile_pb2.Profile(person_id=person, name=f"Name {person}", **fields)
        return profile_events_pb2.ProfileUpsertRequested(profile=profile).SerializeToString()

    bad = [
        *unreadable("acquaint.profiles.v1.ProfileUpsertRequested", upsert(f"{unique}-x")),
        Bad(case="zone", value=upsert(f"{unique}-y", time_zone="Mars"), error="refused", reason="profile.time_zone"),
    ]
    for each in bad:
        await feed.send(
            PROFILES, each.value, key=f"{unique}/{each.case}", headers=[*each.headers, ("ce_source", b"hr")]
        )
        await feed.send(PROFILES, upsert(f"{unique}-{each.case}".replace(" ", "")), headers=[("ce_source", b"hr")])
    await feed.flush()
    names = [f"{unique}-{each.case}".replace(" ", "") for each in bad]

    async def applied() -> bool:
        request = profile_service_pb2.BatchGetProfilesRequest(person_ids=names)
        return len((await stubs.profiles.BatchGetProfiles(request)).profiles) == len(names)

    await eventually(applied, timeout=30, what="the good people around the bad ones")
    await check_letters(feed, PROFILES, "profiles", f"{unique}/", bad)


async def test_good_records_of_a_source_are_all_applied_while_another_source_sends_poison_without_end(
    feed: Feed, acquaint: Acquaint, stubs: Clients, unique: str
) -> None:
    good, bad = await registered(stubs, f"{unique}.good"), await registered(stubs, f"{unique}.bad")
    going = asyncio.Event()

    async def poison() -> None:
        header = [("ce_source", bad.encode())]
        for number in itertools.count():
            value = b"\x0a\xff" if number % 2 else reported(late(number, bad))
            await feed.send(INTERACTIONS, value, headers=header, partition=number % 4)
            if number % 20 == 19:
                await feed.flush()
                await held(stubs, bad)  # a round trip: without end, but not faster than anybody can look
                going.set()

    flood = asyncio.create_task(poison())
    try:
        await going.wait()
        for number in range(200):
            await feed.send(INTERACTIONS, reported(interaction(number, good)), partition=number % 4)
            if number % 20 == 19:
                await feed.flush()

        async def applied() -> bool:
            return await held(stubs, good) == 200

        await eventually(applied, timeout=40, what="all good records")
        assert not flood.done(), "the bad ones are still arriving"

        async def set_aside() -> bool:
            listed = await acquaint.json("sources", "list")
            return {each["source_id"] for each in listed if each.get("quarantined")} >= {bad}

        await eventually(set_aside, timeout=20, what="the quarantine")
    finally:
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)
        await feed.flush()
    listed = {each["source_id"]: each for each in await acquaint.json("sources", "list")}
    assert not listed[good].get("quarantined", False)
    assert await held(stubs, bad) == 0
    assert not any(each.get("paused") for each in await acquaint.json("consumers", "list"))


async def test_null_values_and_records_nobody_can_read_on_our_own_state_topics_change_nothing(
    feed: Feed, acquaint: Acquaint, stubs: Clients, unique: str, tmp_path: Path
) -> None:
    people = tmp_path / "people.csv"
    joining = ("--join-after-notice", "intranet", "--informed-at", "2026-01-05T09:00:00")
    people.write_text(f"person_id,name\n{unique}-a,Ada\n")
    await acquaint.json("import", str(people), *joining)

    async def known(person: str) -> bool:
        request = introduction_service_pb2.SuggestIntroductionsRequest(person_id=person, limit=1)
        try:
            await stubs.introductions.SuggestIntroductions(request)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return False
        return True

    await eventually(lambda: known(f"{unique}-a"), timeout=20, what="the person in recommendations")
    for topic in STATES:
        await feed.send(topic, None, key=f"{unique}-a")
        await feed.send(topic, b"\xff\xff", key=f"{unique}/value", headers=[("ce_type", b"acquaint.profiles.v1.X")])
        await feed.send(topic, b"", key=f"{unique}/header", headers=[("ce_id", b"\xff")])
    await feed.flush()
    people.write_text(f"person_id,name\n{unique}-b,Bob\n")
    await acquaint.json("import", str(people), *joining)
    await eventually(lambda: known(f"{unique}-b"), timeout=20, what="the next person in recommendations")
    assert await known(f"{unique}-a"), "a null value erases nobody"

    async def all_handled() -> bool:
        return not any(each.get("lag", "0") != "0" for each in await acquaint.json("consumers", "list"))

    await eventually(all_handled, timeout=20, what="the end of every topic")
    listed = await acquaint.json("consumers", "list")
    assert not any(each.get("paused") for each in listed)
    for each in listed:
        if each["topic"] in STATES:
            letters = await feed.letters(each["topic"], each["group"], f"{unique}/")
            assert sorted(letters) == ["header", "value"], each
            assert {letter.error for letter in letters.values()} == {"undecodable", "malformed"}, each


async def test_a_file_with_a_bad_row_is_not_replayed_and_the_row_is_named(
    acquaint: Acquaint, stubs: Clients, unique: str, tmp_path: Path
) -> None:
    request = interaction_service_pb2.GetDigestRequest()
    before = (await stubs.interactions.GetDigest(request)).documents
    path = tmp_path / "events.csv"
    path.write_text(f"t,src,dst\n1,{unique}-a,{unique}-b\n2,{unique}-a,\n")
    outcome = await acquaint("replay", str(path), code=1)
    assert outcome.err == f"acquaint: {path}, line 3: dst: '' is not printable ASCII without blanks\n"
    assert (await stubs.interactions.GetDigest(request)).documents == before


async def test_json_lines_that_do_not_map_are_named_and_the_others_are_imported(
    acquaint: Acquaint, unique: str, tmp_path: Path
) -> None:
    path = tmp_path / "people.jsonl"
    good = [json.dumps({"personId": f"{unique}-{number}", "name": "Jo"}) for number in range(2)]
    path.write_text("\n".join([good[0], '{"salary": 1}', "7", '{"personId": "no blanks"}', good[1]]))
    report = await acquaint.json("import", str(path), code=1)
    assert (report["created"], report["refused"]) == (2, 3)
    assert [each["line"] for each in report["errors"]] == [2, 3, 4]
    assert "person_id" in report["errors"][2]["error"]


async def test_after_all_of_this_every_store_agrees(acquaint: Acquaint) -> None:
    verified = await acquaint.json("verify")
    assert verified["clean"], verified
