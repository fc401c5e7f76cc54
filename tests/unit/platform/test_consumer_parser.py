"""Whatever a producer writes is read as a delivery or refused with a reason; nothing raises."""

from __future__ import annotations

from typing import Any

import pytest
from acquaint.profiles.v1.events_pb2 import PersonErased
from hypothesis import given
from hypothesis import strategies as st

from services.platform.consumer.dead_letters import Letter, Origin, opened
from services.platform.consumer.parser import Ignored, Parser, Refused, source_in
from services.platform.consumer.subscription import Delivery
from services.platform.topics import Topic, TopicKind

EVENT = PersonErased.DESCRIPTOR.full_name
NAMES = st.sampled_from(
    ["ce_id", "ce_source", "ce_type", "ce_sequence", "content-type", "traceparent", "x", "", "dlq_topic", "dlq_offset"]
)
VALUES = st.one_of(st.none(), st.binary(max_size=30), st.just(EVENT.encode()), st.just(b"application/json"))
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=8)
TEXT = st.text(max_size=20)


def topic(kind: TopicKind) -> Topic:
    return Topic(name="t", kind=kind, key="", partitions=1, events={EVENT: PersonErased})


def record(value: bytes | None, headers: list[tuple[str, Any]], key: bytes | None = None) -> Origin:
    return Origin(topic="t", partition=3, offset=7, timestamp=1000, key=key, value=value, headers=headers)


@given(
    kind=st.sampled_from(list(TopicKind)),
    value=st.one_of(st.none(), st.binary(max_size=60)),
    headers=HEADERS,
    key=st.one_of(st.none(), st.binary(max_size=10)),
)
def test_nothing_a_producer_writes_raises(
    kind: TopicKind, value: bytes | None, headers: list[tuple[str, Any]], key: bytes | None
) -> None:
    reading = Parser(topic(kind)).read(record(value, headers, key), 0)
    assert isinstance(reading, Delivery | Refused | Ignored)
    if isinstance(reading, Refused):
        assert reading.error
        assert reading.reason


def test_headers_that_are_no_headers_are_refused_too() -> None:
    reading = Parser(topic(TopicKind.INBOUND)).read(record(b"", [("ce_id", 5)]), 0)
    assert isinstance(reading, Refused)


@pytest.mark.parametrize(
    ("headers", "identity"),
    [
        ([("ce_id", b"1"), ("ce_source", b"hr")], "hr\n1"),
        ([("ce_id", b"1")], "t\n4\n3\n7"),
        ([("ce_source", b"hr")], "t\n4\n3\n7"),
        ([("ce_id", b""), ("ce_source", b"hr")], "t\n4\n3\n7"),
        ([], "t\n4\n3\n7"),
    ],
)
def test_identity_is_source_and_id_or_else_the_place(headers: list[tuple[str, bytes]], identity: str) -> None:
    value = PersonErased(person_id="p", version=1).SerializeToString()
    reading = Parser(topic(TopicKind.INBOUND)).read(record(value, headers), 4)
    assert isinstance(reading, Delivery)
    assert reading.identity == identity
    assert reading.type == EVENT


def test_a_source_is_found_among_headers_that_cannot_be_read() -> None:
    assert source_in([("ce_id", b"\xff"), ("ce_source", b"hr")]) == "hr"
    assert source_in([("ce_source", b"\xff")]) is None
    assert source_in([("ce_source", None)]) is None


@given(
    value=st.one_of(st.none(), st.binary(max_size=60)),
    headers=st.lists(st.tuples(st.sampled_from(["ce_id", "x", ""]), VALUES), max_size=6),
    key=st.one_of(st.none(), st.binary(max_size=10)),
    error=st.sampled_from(["malformed", "quarantined"]),
    reason=TEXT,
    source=st.one_of(st.none(), TEXT),
    generation=st.integers(min_value=0, max_value=10),
)
def test_a_letter_gives_back_the_record_it_holds(
    value: bytes | None,
    headers: list[tuple[str, Any]],
    key: bytes | None,
    error: str,
    reason: str,
    source: str | None,
    generation: int,
) -> None:
    letter = Letter(
        record=record(value, headers, key), generation=generation, error=error, reason=reason, source=source
    )
    kept = Origin(
        topic="t.readers.dlq", partition=0, offset=99, timestamp=5, key=key, value=value, headers=letter.headers()
    )
    assert opened(kept) == letter


def test_a_record_that_is_no_letter_is_not_opened() -> None:
    assert opened(record(b"", [("dlq_topic", b"t")])) is None
    assert opened(record(b"", [])) is None
