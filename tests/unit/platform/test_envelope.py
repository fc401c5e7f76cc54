"""Records are read without ever raising, whatever somebody wrote, and what we write is read back as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from hypothesis import given
from hypothesis import strategies as st

from services.platform.envelope import Malformed, Received, Stamp, decode, parse
from services.platform.topics import Topic, TopicKind

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
NAMES = ["ce_id", "ce_type", "ce_source", "ce_specversion", "ce_sequence", "content-type", "traceparent", "other"]
EVENTS = {each.DESCRIPTOR.full_name: each for each in (StringValue, Int64Value)}
FACTS = Topic(name="facts", kind=TopicKind.FACT, key="", partitions=1, events=EVENTS)
INBOUND = Topic(
    name="inbound",
    kind=TopicKind.INBOUND,
    key="",
    partitions=1,
    events={StringValue.DESCRIPTOR.full_name: StringValue},
)


class Raw(NamedTuple):
    key: Any = None
    value: Any = b""
    headers: Sequence[tuple[str, Any]] = ()
    topic: str = "facts"
    partition: int = 2
    offset: int = 7
    timestamp: int = 1_700_000_000_000


def read(**fields: Any) -> Received:
    found = parse(Raw(**fields))
    assert isinstance(found, Received)
    return found


@given(id=TEXT, key=st.none() | TEXT, text=TEXT, source=TEXT, sequence=st.integers(1, 10**15), trace=st.none() | TEXT)
def test_what_is_encoded_is_read_back(
    id: str, key: str | None, text: str, source: str, sequence: int, trace: str | None
) -> None:
    event = StringValue(value=text)
    headers = Stamp(source).headers(id, event.DESCRIPTOR.full_name, sequence, trace)
    raw_key = None if key is None else key.encode()
    received = read(key=raw_key, value=event.SerializeToString(), headers=headers)
    assert (received.id, received.key, received.source, received.sequence) == (id, key, source, sequence)
    assert (received.partition, received.offset, received.traceparent) == (2, 7, trace)
    assert decode(received, FACTS) == event


@given(
    key=st.none() | st.binary(max_size=20),
    value=st.none() | st.binary(max_size=200),
    headers=st.lists(st.tuples(st.sampled_from(NAMES), st.none() | st.binary(max_size=25)), max_size=8),
)
def test_nothing_that_anybody_can_write_raises(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    received = parse(Raw(key=key, value=value, headers=headers))
    if isinstance(received, Received):
        for topic in (FACTS, INBOUND):
            decode(received, topic)


def test_six_headers_are_written_and_the_sequence_sorts_as_text() -> None:
    headers = Stamp("tests").headers("i", "tests.Event", 42)
    assert [name for name, _ in headers] == NAMES[:6]
    assert dict(headers)["ce_sequence"] == b"00000000000000000042"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([("ce_id", b"\xff\xfe")], "header ce_id is not UTF-8"),
        ([("ce_type", None)], "header ce_type is null"),
        ([("ce_sequence", b"12a")], "header ce_sequence is not a number"),
        ([("ce_sequence", b"")], "header ce_sequence is not a number"),
        ([("ce_sequence", b"9" * 21)], "header ce_sequence is not a number"),
        ([("ce_sequence", None)], "header ce_sequence is null"),
    ],
)
def test_a_header_of_ours_that_cannot_be_read_is_named(headers: list[tuple[str, bytes | None]], reason: str) -> None:
    assert parse(Raw(headers=headers)) == Malformed(reason=reason)


def test_headers_of_others_may_hold_anything() -> None:
    assert read(headers=[("ce_id", b"x"), ("theirs", None), ("theirs", b"\xff")]).id == "x"


def test_a_key_that_is_not_text_is_malformed() -> None:
    assert parse(Raw(key=b"\xff")) == Malformed(reason="the key is not UTF-8")


def test_an_event_the_topic_does_not_carry_is_malformed() -> None:
    received = read(headers=[("ce_type", b"tests.Unknown")])
    assert decode(received, FACTS) == Malformed(
        reason="the topic does not carry events of this type", detail="tests.Unknown"
    )


def test_a_truncated_value_is_malformed_and_the_reason_quotes_nothing_of_it() -> None:
    whole = StringValue(value="secret").SerializeToString()
    found = decode(read(value=whole[:-2], headers=[("ce_type", b"google.protobuf.StringValue")]), FACTS)
    assert isinstance(found, Malformed)
    assert found.reason == "the value is not a StringValue"


def test_no_value_is_not_an_empty_message() -> None:
    headers = [("ce_type", b"google.protobuf.StringValue")]
    assert decode(read(value=b"", headers=headers), FACTS) == StringValue()
    assert decode(read(value=None, headers=headers), FACTS) == Malformed(reason="the record has no value")


@pytest.mark.parametrize("content", [b"application/json", b"application/json; charset=utf-8", b"Application/JSON"])
def test_inbound_topics_also_take_json(content: bytes) -> None:
    headers = [("ce_type", b"google.protobuf.StringValue"), ("content-type", content)]
    assert decode(read(value=b'"hello"', headers=headers), INBOUND) == StringValue(value="hello")


@pytest.mark.parametrize("value", [b"{", b"[1]", b"\xff", b'{"value": {}}', b"[" * 100_000])
def test_json_that_does_not_map_is_malformed(value: bytes) -> None:
    received = read(value=value, headers=[("content-type", b"application/json")])
    found = decode(received, INBOUND)
    assert isinstance(found, Malformed)
    assert found.reason == "the JSON does not map to StringValue"


def test_our_own_topics_take_no_json() -> None:
    headers = [("ce_type", b"google.protobuf.StringValue"), ("content-type", b"application/json")]
    assert isinstance(decode(read(value=b'"x"', headers=headers), FACTS), Malformed)


def test_a_type_may_be_left_out_only_where_an_inbound_topic_carries_one() -> None:
    value = StringValue(value="x").SerializeToString()
    assert decode(read(value=value), INBOUND) == StringValue(value="x")
    assert isinstance(decode(read(value=value), FACTS), Malformed)
