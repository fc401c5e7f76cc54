"""What is recognised without asking the rules keeps the rules; ordinary interactions are recognised."""

from __future__ import annotations

from acquaint.interactions.v1 import interaction_pb2
from hypothesis import example, given
from hypothesis import strategies as st

from services.interactions.recognition import plainly_valid
from services.platform.validation import violations_of

texts = st.text(st.characters(min_codepoint=32, max_codepoint=128), max_size=4) | st.sampled_from(
    ["mail", "x" * 64, "x" * 65, "x" * 128, "x" * 129, "a\n", "\n", "a\nb", "é", "-a", "A", "a b", "~"]
)
numbers = st.integers(-2, 12) | st.just(2**31 - 1)
seconds = st.sampled_from([-(10**12), -1, 0, 1, 2_591_999, 2_592_000, 2_592_001, 315_576_000_000])
nanos = st.sampled_from([-(10**9), -1, 0, 1, 999_999_999, 10**9, 2**31 - 1])


@st.composite
def messages(draw: st.DrawFn) -> interaction_pb2.Interaction:
    message = interaction_pb2.Interaction(
        interaction_id=draw(texts),
        source=draw(texts),
        type=draw(numbers),  # type: ignore[arg-type]
        initiator_id=draw(texts),
        participant_ids=draw(st.lists(texts, max_size=4)),
        context_id=draw(texts),
        help_kind=draw(numbers),  # type: ignore[arg-type]
    )
    if draw(st.booleans()):
        message.time.seconds, message.time.nanos = draw(seconds), draw(nanos)
    if draw(st.booleans()):
        message.duration.seconds, message.duration.nanos = draw(seconds), draw(nanos)
    return message


def ordinary(**changes: str) -> interaction_pb2.Interaction:
    message = interaction_pb2.Interaction(
        interaction_id="m-1",
        source="mail",
        type=interaction_pb2.INTERACTION_TYPE_MEETING,
        initiator_id="ada",
        participant_ids=["bob", "eve"],
    )
    message.time.seconds = 1_700_000_000
    message.duration.seconds = 3600
    for name, value in changes.items():
        setattr(message, name, value)
    return message


@given(messages())
@example(ordinary())
def test_whatever_is_recognised_keeps_every_rule(message: interaction_pb2.Interaction) -> None:
    if plainly_valid(message, tuple(message.participant_ids)):
        assert violations_of(message) == []


@given(st.sampled_from(["interaction_id", "source", "initiator_id", "context_id"]), texts)
def test_one_changed_field_is_recognised_only_within_its_rule(field: str, text: str) -> None:
    message = ordinary(**{field: text})
    assert plainly_valid(message, tuple(message.participant_ids)) == (violations_of(message) == [])


@given(st.lists(texts, max_size=5))
def test_participants_are_recognised_only_within_their_rule(people: list[str]) -> None:
    message = ordinary()
    del message.participant_ids[:]
    message.participant_ids.extend(people)
    assert plainly_valid(message, tuple(people)) == (violations_of(message) == [])


@given(numbers, numbers)
def test_enums_are_recognised_only_where_they_are_defined(kind: int, help: int) -> None:
    message = ordinary()
    message.type, message.help_kind = kind, help  # type: ignore[assignment]
    assert plainly_valid(message, tuple(message.participant_ids)) == (violations_of(message) == [])


def test_two_hundred_participants_are_recognised_and_one_more_is_not() -> None:
    for count in (200, 201):
        message = ordinary()
        del message.participant_ids[:]
        message.participant_ids.extend(f"p{number}" for number in range(count))
        assert plainly_valid(message, tuple(message.participant_ids)) == (count == 200)
        assert (violations_of(message) == []) == (count == 200)


def test_a_missing_time_is_not_recognised() -> None:
    message = ordinary()
    message.ClearField("time")
    assert not plainly_valid(message, tuple(message.participant_ids))
