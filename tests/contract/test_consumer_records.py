"""Every record is done or poison, on Kafka and on the broker in memory alike."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence

import pytest

from services.platform.consumer import Delivery, Poison
from services.platform.mongo import DatabaseUnavailable, Session
from services.platform.telemetry import current_traceparent
from services.platform.topics import TopicKind
from tests.consumer_stage import Stage, event, headers, open_stage
from tests.runtime import Broker, Database


@pytest.fixture(params=["memory", "kafka"])
async def inbound(
    request: pytest.FixtureRequest, broker: Broker, database: Database, unique: str
) -> AsyncIterator[Stage]:
    async with open_stage(request.param, TopicKind.INBOUND, broker.bootstrap, database.uri, unique) as stage:
        yield stage


@pytest.fixture(params=["memory", "kafka"])
async def state(
    request: pytest.FixtureRequest, broker: Broker, database: Database, unique: str
) -> AsyncIterator[Stage]:
    async with open_stage(request.param, TopicKind.STATE, broker.bootstrap, database.uri, unique) as stage:
        yield stage


@pytest.fixture(params=["memory", "kafka"])
async def fact(request: pytest.FixtureRequest, broker: Broker, database: Database, unique: str) -> AsyncIterator[Stage]:
    async with open_stage(request.param, TopicKind.FACT, broker.bootstrap, database.uri, unique) as stage:
        yield stage


async def test_records_take_effect_once_and_in_the_order_of_their_partition(inbound: Stage) -> None:
    await inbound.send_people(300, source="even", partition=0, prefix="e")
    await inbound.send_people(300, source="odd", partition=1, prefix="o")
    async with inbound.running():
        await inbound.handled(600)
    assert await inbound.effects.order("even") == [f"e{number}" for number in range(300)]
    assert await inbound.effects.order("odd") == [f"o{number}" for number in range(300)]
    assert await inbound.side.letters() == []


async def test_headers_that_are_null_or_not_utf8_are_dead_letters_and_delay_nobody(inbound: Stage) -> None:
    await inbound.side.send(event("first"), headers("1", "feed"))
    broken = [("ce_id", b"\xff\xfe"), ("ce_source", b"feed"), ("x-theirs", b"\xff")]
    null = [("ce_id", None), ("ce_source", b"feed")]
    await inbound.side.send(event("second"), broken)
    await inbound.side.send(event("third"), null, key=b"\xff\x00")
    await inbound.side.send(event("last"), [*headers("2", "feed"), ("x-theirs", b"\xff"), ("x-null", None)])
    async with inbound.running():
        await inbound.handled(2)
        letters = await inbound.buried(2)
    assert await inbound.effects.order("feed") == ["first", "last"]
    assert [letter.error for letter in letters] == ["malformed", "malformed"]
    assert letters[0].reason == "header ce_id is not UTF-8"
    assert letters[1].reason == "header ce_id is null"
    # Unchanged, whatever it is that could not be read.
    assert [letter.record.value for letter in letters] == [event("second"), event("third")]
    assert [list(letter.record.headers) for letter in letters] == [broken, null]
    assert letters[1].record.key == b"\xff\x00"
    assert [(letter.record.partition, letter.record.offset) for letter in letters] == [(0, 1), (0, 2)]
    assert letters[0].source == "feed"


async def test_a_truncated_payload_a_null_value_and_an_unknown_type_are_dead_letters(inbound: Stage) -> None:
    await inbound.side.send(event("whole")[:-1], headers("1", "feed"))
    await inbound.side.send(None, headers("2", "feed"), key=b"anna")
    await inbound.side.send(event("known"), headers("3", "feed", type="acquaint.profiles.v1.Unheard"))
    await inbound.side.send(event("", 0), headers("4", "feed"))
    await inbound.side.send(event("good"), headers("5", "feed"))
    async with inbound.running():
        letters = await inbound.buried(4)
        await inbound.handled(1)
    assert [letter.error for letter in letters] == ["undecodable", "null_value", "undecodable", "invalid"]
    assert letters[1].record.value is None
    assert "person_id: must be at least 1 character" in letters[3].reason


async def test_json_is_taken_on_inbound_topics_and_what_does_not_map_is_a_dead_letter(inbound: Stage) -> None:
    as_json = [*headers("1", "feed"), ("content-type", b"application/json; charset=utf-8")]
    await inbound.side.send(json.dumps({"personId": "mapped", "version": "3"}).encode(), as_json)
    await inbound.side.send(json.dumps({"personId": "x", "salary": 1}).encode(), as_json)
    await inbound.side.send(b"{not json", as_json)
    async with inbound.running():
        letters = await inbound.buried(2)
        await inbound.handled(1)
    assert await inbound.effects.order("feed") == ["mapped"]
    assert all("the JSON does not map to PersonErased" in letter.reason for letter in letters)
    assert "salary" in letters[0].reason


async def test_json_on_our_own_topics_is_poison(fact: Stage) -> None:
    await fact.side.send(
        b'{"personId":"x","version":"1"}', [*headers("1", "us"), ("content-type", b"application/json")]
    )
    async with fact.running():
        (letter,) = await fact.buried(1)
    assert letter.error == "undecodable"


async def test_an_unknown_type_on_our_own_topic_is_poison(fact: Stage) -> None:
    await fact.side.send(event("x"), headers("1", "us", type="acquaint.profiles.v1.FromTheFuture"))
    await fact.side.send(event("y"), headers("2", "us"))
    async with fact.running():
        (letter,) = await fact.buried(1)
        await fact.handled(1)
    assert letter.error == "undecodable"


async def test_a_null_value_on_a_state_topic_is_ignored_and_counted(state: Stage) -> None:
    await state.side.send(None, key=b"anna")
    await state.side.send(event("bert"), headers("1", "us"), key=b"bert")
    async with state.running():
        await state.handled(1)
    ignored = state.metrics.consumer_ignored.labels(state.side.topic.name, "readers", "null_value")
    assert ignored._value.get() == 1
    assert await state.side.letters() == []


async def test_a_record_without_id_counts_by_its_place(inbound: Stage) -> None:
    await inbound.side.send(event("same"), headers())
    await inbound.side.send(event("same"), headers())
    await inbound.side.send(event("same"), headers("1", "feed"))
    await inbound.side.send(event("same"), headers("1", "feed"))
    seen: list[str] = []

    async def collect(session: object, deliveries: object) -> list[object]:
        seen.extend(delivery.identity for delivery in deliveries)  # type: ignore[attr-defined]
        return []

    async with inbound.running(handler=collect) as consumers:
        await inbound.eventually_counted(consumers, handled=4)
    name = inbound.side.topic.name
    assert seen == [f"{name}\n0\n0\n0", f"{name}\n0\n0\n1", "feed\n1", "feed\n1"]


async def test_what_the_handler_refuses_is_a_dead_letter_with_its_reason(inbound: Stage) -> None:
    inbound.effects.refuse = lambda delivery: "unknown person" if delivery.id in ("p3", "p7") else None
    await inbound.send_people(10, source="feed")
    async with inbound.running():
        await inbound.handled(8)
        letters = await inbound.buried(2)
    assert [(letter.error, letter.reason, letter.record.offset) for letter in letters] == [
        ("refused", "unknown person", 3),
        ("refused", "unknown person", 7),
    ]


async def test_a_defect_of_the_handler_costs_only_the_records_that_show_it(inbound: Stage) -> None:
    inbound.effects.fail = lambda delivery: delivery.id in ("p0", "p57", "p99")
    await inbound.send_people(100, source="feed")
    async with inbound.running():
        await inbound.handled(97)
        letters = await inbound.buried(3)
    assert [letter.record.offset for letter in letters] == [0, 57, 99]
    assert {letter.error for letter in letters} == {"failed"}
    expected = [f"p{number}" for number in range(100) if number not in (0, 57, 99)]
    assert await inbound.effects.order("feed") == expected


async def test_the_wake_up_after_a_commit_comes_once_a_batch(inbound: Stage) -> None:
    woken: list[int] = []
    await inbound.send_people(5, source="feed")
    async with inbound.running(after_commit=lambda: woken.append(1)):
        await inbound.handled(5)
    assert len(woken) == len(inbound.effects.batches)


async def test_a_source_is_read_from_the_event_when_no_header_names_it(inbound: Stage) -> None:
    inbound.effects.refuse = lambda delivery: "refused"
    await inbound.side.send(event("hr-system"), [("ce_type", headers()[0][1])])
    async with inbound.running(source_of=lambda delivery: delivery.event.person_id):  # type: ignore[attr-defined]
        (letter,) = await inbound.buried(1)
    assert letter.source == "hr-system"


async def test_the_source_that_an_event_names_counts_before_the_header(inbound: Stage) -> None:
    inbound.effects.refuse = lambda delivery: "refused"
    await inbound.side.send(event("hr-system"), headers("1", "urn:some-gateway"))
    async with inbound.running(source_of=lambda delivery: delivery.event.person_id):  # type: ignore[attr-defined]
        (letter,) = await inbound.buried(1)
    assert letter.source == "hr-system"


async def test_a_batch_that_no_transaction_has_time_for_is_taken_in_pieces(inbound: Stage) -> None:
    async def slow(session: Session, deliveries: Sequence[Delivery]) -> Sequence[Poison]:
        if len(deliveries) > 3:
            raise DatabaseUnavailable("no transaction within its time")
        return await inbound.effects(session, deliveries)

    await inbound.send_people(20, source="feed")
    async with inbound.running(handler=slow):
        await inbound.handled(20)
    assert await inbound.effects.order("feed") == [f"p{number}" for number in range(20)]


async def test_a_sampled_trace_goes_on_in_the_handler(inbound: Stage) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    seen: list[str | None] = []

    async def look(session: object, deliveries: object) -> list[object]:
        seen.append(current_traceparent())
        return []

    await inbound.side.send(
        event("x"), [*headers("1", "feed"), ("traceparent", f"00-{trace}-b7ad6b7169203331-01".encode())]
    )
    async with inbound.running(handler=look) as consumers:
        await inbound.eventually_counted(consumers, handled=1)
    assert seen[0] is not None
    assert trace in seen[0]
