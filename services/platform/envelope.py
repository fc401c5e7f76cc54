"""Records are CloudEvents in Kafka's binary mode: the value is the protobuf message, six headers say what it is.

Reading never raises, whatever a producer wrote: the outcome is a `Received`, a message, or why it is `Malformed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from services.platform.topics import Topic, TopicKind

PROTOBUF = "application/protobuf"
JSON = "application/json"
_VERSION = ("ce_specversion", b"1.0")
_CONTENT = ("content-type", PROTOBUF.encode())
_LONGEST_SEQUENCE = 20

Header = tuple[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What a service wants published: `id` is deterministic, `key` decides the partition and what compaction keeps.

    `version` is the aggregate's version, if it has one: facts of one key are published in its order.
    """

    id: str
    key: str | None
    message: Message
    version: int | None = None
    traceparent: str | None = None


class Received(NamedTuple):
    """A record whose headers could be read. `value` is None for a tombstone; `type` is "" where none was given."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: str | None
    id: str | None
    source: str | None
    type: str
    sequence: int | None
    content_type: str
    value: bytes | None
    traceparent: str | None
    headers: Sequence[tuple[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """The record can never be read. `reason` quotes nothing of it; `detail` may, and travels with it only."""

    reason: str
    detail: str = ""


class Record(Protocol):
    """A record as the client library returns it, nothing looked at yet."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> Any: ...
    @property
    def value(self) -> Any: ...
    @property
    def headers(self) -> Sequence[tuple[str, Any]]: ...


class Stamp:
    """The headers of a source's records; what is the same for many records is encoded once."""

    def __init__(self, source: str) -> None:
        self._source = ("ce_source", source.encode())
        self._types: dict[str, Header] = {}

    def headers(self, id: str, type: str, sequence: int, traceparent: str | None = None) -> list[Header]:
        """The headers of one record; `sequence` is padded to 20 digits so that it also sorts as text."""
        kind = self._types.get(type)
        if kind is None:
            kind = self._types[type] = ("ce_type", type.encode())
        number = ("ce_sequence", b"%020d" % sequence)
        headers = [("ce_id", id.encode()), kind, self._source, _VERSION, number, _CONTENT]
        if traceparent is not None:
            headers.append(("traceparent", traceparent.encode()))
        return headers


def parse(record: Record) -> Received | Malformed:
    """Reads key and headers. Headers that are not ours are not looked at, so they may hold anything."""
    identifier = source = traceparent = None
    kind, content, sequence = "", PROTOBUF, None
    name = ""
    try:
        for name, raw in record.headers:
            if name == "ce_id":
                identifier = raw.decode()
            elif name == "ce_type":
                kind = raw.decode()
            elif name == "ce_source":
                source = raw.decode()
            elif name == "ce_sequence":
                if not raw.isdigit() or len(raw) > _LONGEST_SEQUENCE:
                    return Malformed(reason="header ce_sequence is not a number")
                sequence = int(raw)
            elif name == "content-type":
                content = raw.decode()
            elif name == "traceparent":
                traceparent = raw.decode()
    except UnicodeDecodeError:
        return Malformed(reason=f"header {name} is not UTF-8")
    except (AttributeError, TypeError):
        return Malformed(reason=f"header {name} is null" if name else "the headers cannot be read")
    key = record.key
    if key is not None:
        try:
            key = key.decode()
        except UnicodeDecodeError:
            return Malformed(reason="the key is not UTF-8")
    return Received(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        key,
        identifier,
        source,
        kind,
        sequence,
        content,
        record.value,
        traceparent,
        record.headers,
    )


def decode(received: Received, topic: Topic) -> Message | Malformed:
    """The event in the record: protobuf, or on inbound topics also protobuf's JSON mapping.

    An inbound record may leave its type out where the topic carries one type only.
    """
    event_class = topic.events.get(received.type)
    if event_class is None:
        if received.type or topic.kind is not TopicKind.INBOUND or len(topic.events) != 1:
            return Malformed(reason="the topic does not carry events of this type", detail=received.type)
        (event_class,) = topic.events.values()
    if received.value is None:
        return Malformed(reason="the record has no value")
    content = received.content_type
    if content != PROTOBUF:
        content = content.partition(";")[0].strip().lower()
    if content in (PROTOBUF, "application/x-protobuf"):
        try:
            return event_class.FromString(received.value)
        except DecodeError as error:
            return Malformed(reason=f"the value is not a {event_class.DESCRIPTOR.name}", detail=str(error))
    if content == JSON and topic.kind is TopicKind.INBOUND:
        try:
            return json_format.Parse(received.value, event_class(), max_recursion_depth=50)
        except (json_format.ParseError, ValueError, TypeError, RecursionError) as error:
            return Malformed(reason=f"the JSON does not map to {event_class.DESCRIPTOR.name}", detail=str(error))
    return Malformed(reason="the topic does not take this content type", detail=received.content_type)
