"""What is sent, held, published and listed is the same interaction, to the nanosecond, and nothing beyond it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from acquaint.interactions.v1 import events_pb2, interaction_pb2
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from services.interactions import messages
from services.interactions.domain import Accepted, Cause, Interaction, Refused, Source


def interaction(**changes: object) -> interaction_pb2.Interaction:
    message = interaction_pb2.Interaction(
        interaction_id="m-1",
        source="mail",
        type=interaction_pb2.INTERACTION_TYPE_MESSAGE,
        initiator_id="ada",
        participant_ids=["bob", "eve"],
    )
    message.time.seconds = 1_700_000_000
    for name, value in changes.items():
        if isinstance(value, Message):
            getattr(message, name).CopyFrom(value)
        elif isinstance(value, list):
            message.ClearField(name)  # type: ignore[arg-type]
            getattr(message, name).extend(value)
        else:
            setattr(message, name, value)
    return message


def held(message: interaction_pb2.Interaction) -> Interaction:
    found = messages.candidate(message)
    assert isinstance(found, Interaction)
    return found


def published(message: interaction_pb2.Interaction) -> interaction_pb2.Interaction:
    of = held(message)
    fact = messages.recorded(Accepted(interaction=of, content_hash=of.content_hash()))
    event = fact.message
    assert isinstance(event, events_pb2.InteractionRecorded)
    assert fact.id == f"{message.source}/{message.interaction_id}"
    assert fact.key is None
    return event.interaction


ids = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


@given(
    number=ids,
    kind=st.integers(1, 10),
    people=st.lists(ids, min_size=2, max_size=6, unique=True),
    seconds=st.integers(-62_135_596_800, 253_402_300_799),
    nanos=st.integers(0, 999_999_999),
    duration=st.none() | st.integers(0, 2_592_000 * 10**9),
    context=st.just("") | ids,
    help=st.integers(0, 4),
)
def test_what_is_published_is_what_was_sent(
    number: str,
    kind: int,
    people: list[str],
    seconds: int,
    nanos: int,
    duration: int | None,
    context: str,
    help: int,
) -> None:
    sent = interaction(
        interaction_id=number,
        type=kind,
        initiator_id=people[0],
        participant_ids=people[1:],
        context_id=context,
        help_kind=help,
    )
    sent.time.seconds, sent.time.nanos = seconds, nanos
    if duration is not None:
        sent.duration.FromNanoseconds(duration)
    assert published(sent) == sent


def test_unknown_fields_are_neither_kept_nor_published() -> None:
    # Field 100, a text: what a client of another version, or an attempt to store content, would send.
    secret = bytes([0xA2, 0x06, 6]) + b"secret"
    sent = interaction_pb2.Interaction.FromString(interaction().SerializeToString() + secret)
    assert b"secret" in sent.SerializeToString()
    assert published(sent).SerializeToString() == interaction().SerializeToString()
    assert held(sent).content_hash() == held(interaction()).content_hash()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"interaction_id": ""}, "interaction_id"),
        ({"interaction_id": "with blank"}, "interaction_id"),
        ({"interaction_id": "m\n"}, "interaction_id"),
        ({"source": "No Source"}, "source"),
        ({"source": "mail\n"}, "source"),
        ({"type": 0}, "type"),
        ({"type": 99}, "type"),
        ({"initiator_id": ""}, "initiator_id"),
        ({"participant_ids": []}, "participant_ids"),
        ({"participant_ids": ["bob", "bob"]}, "participant_ids"),
        ({"participant_ids": ["bob", "b b"]}, "participant_ids[1]"),
        ({"participant_ids": [f"p{number}" for number in range(201)]}, "participant_ids"),
        ({"context_id": "the meeting about Bob"}, "context_id"),
        ({"help_kind": 9}, "help_kind"),
    ],
    ids=str,
)
def test_a_field_that_breaks_its_rule_is_named(change: dict[str, object], field: str) -> None:
    refused = messages.candidate(interaction(**change))
    assert isinstance(refused, Refused)
    assert refused.cause is Cause.INVALID_FIELD
    assert field in {fault.field for fault in refused.faults}


def test_a_missing_time_is_refused() -> None:
    message = interaction()
    message.ClearField("time")
    refused = messages.candidate(message)
    assert isinstance(refused, Refused)
    assert [fault.field for fault in refused.faults] == ["time"]


@pytest.mark.parametrize("nanos", [-1, 10**9])
def test_nanoseconds_beyond_a_second_are_refused(nanos: int) -> None:
    message = interaction()
    message.time.nanos = nanos
    refused = messages.candidate(message)
    assert isinstance(refused, Refused)
    assert [fault.field for fault in refused.faults] == ["time.nanos"]


def test_a_switch_is_published_under_an_id_that_no_interaction_can_have() -> None:
    source = Source(
        source_id="mail", purpose="ties", enabled=False, version=3, created=datetime(2026, 1, 1, tzinfo=UTC)
    )
    fact = messages.switched(source)
    assert fact.id == "~switch/mail/3"
    assert fact.message == events_pb2.SourceSwitched(source="mail", enabled=False)
    refused = messages.candidate(interaction(source="~switch", interaction_id="mail/3"))
    assert isinstance(refused, Refused)
