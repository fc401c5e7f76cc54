"""Raw record → delivery, or the reason why it can never be one; nothing a producer writes makes this raise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from protovalidate import ValidationError, Validator

from services.platform import envelope
from services.platform.consumer.subscription import Delivery
from services.platform.envelope import Malformed, Record
from services.platform.topics import Topic, TopicKind
from services.platform.validation import violations_of

LONGEST_REASON = 500
_VALIDATOR = Validator()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Poison: the class of error (a word), what exactly, and the source as far as it could be read."""

    error: str
    reason: str
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """Neither done nor poison: why it has no effect."""

    cause: str
    source: None = None


Reading = Delivery | Refused | Ignored


class Parser:
    """Reads the records of one topic. Errors are of class malformed, null_value, undecodable or invalid."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic

    def read(self, record: Record, generation: int) -> Reading:
        """What `record` is, in this generation of its topic."""
        try:
            return self._read(record, generation)
        except Exception as error:  # whatever a library makes of bytes that nobody foresaw
            return Refused(error="malformed", reason=type(error).__name__, source=source_in(record.headers))

    def _read(self, record: Record, generation: int) -> Reading:
        received = envelope.parse(record)
        if isinstance(received, Malformed):
            return _refused("malformed", received, source_in(record.headers))
        if received.value is None:
            if self._topic.kind is TopicKind.STATE:
                return Ignored(cause="null_value")
            return Refused(error="null_value", reason="the record has no value", source=received.source)
        event = envelope.decode(received, self._topic)
        if isinstance(event, Malformed):
            return _refused("undecodable", event, received.source)
        try:
            _VALIDATOR.validate(event)
        except ValidationError:
            return Refused(error="invalid", reason=_broken_rules(event), source=received.source)
        if received.source and received.id:
            identity = f"{received.source}\n{received.id}"
        else:
            identity = f"{record.topic}\n{generation}\n{record.partition}\n{record.offset}"
        return Delivery(
            record.topic,
            record.partition,
            record.offset,
            generation,
            received.key,
            received.id,
            received.source,
            received.type or event.DESCRIPTOR.full_name,
            received.sequence,
            event,
            received.timestamp_ms,
            identity,
            received.traceparent,
        )


def source_in(headers: Sequence[tuple[str, Any]]) -> str | None:
    """The ce_source among headers of which others cannot be read, if it can."""
    try:
        return next((bytes(raw).decode() for name, raw in headers if name == "ce_source" and raw), None)
    except (TypeError, ValueError):
        return None


def _refused(error: str, malformed: Malformed, source: str | None) -> Refused:
    reason = f"{malformed.reason}: {malformed.detail}" if malformed.detail else malformed.reason
    return Refused(error=error, reason=reason[:LONGEST_REASON], source=source)


def _broken_rules(event: Message) -> str:
    return "; ".join(f"{each.field}: {each.description}" for each in violations_of(event))[:LONGEST_REASON]
