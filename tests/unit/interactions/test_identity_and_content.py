"""Identity is source and id; content is everything else but the order of the participants."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.interactions.domain import Interaction

MAIL = Interaction(
    source="mail",
    interaction_id="m-1",
    type=2,
    initiator="ada",
    participants=("bob", "eve"),
    time_ns=1_700_000_000_000_000_000,
)


def test_the_record_id_is_source_slash_id() -> None:
    assert MAIL.record_id == "mail/m-1"


def test_the_order_of_the_participants_is_no_content() -> None:
    assert dataclasses.replace(MAIL, participants=("eve", "bob")).content_hash() == MAIL.content_hash()


@pytest.mark.parametrize(
    "change",
    [
        {"type": 1},
        {"initiator": "bob", "participants": ("ada", "eve")},
        {"participants": ("bob",)},
        {"participants": ("bob", "eve", "joe")},
        {"participants": ("bobeve",)},
        {"time_ns": MAIL.time_ns + 1},
        {"duration_ns": 0},
        {"duration_ns": 60},
        {"context": "thread-1"},
        {"help": 1},
    ],
    ids=str,
)
def test_everything_else_is_content(change: dict[str, Any]) -> None:
    assert dataclasses.replace(MAIL, **change).content_hash() != MAIL.content_hash()


ids = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)
interactions = st.builds(
    Interaction,
    source=st.sampled_from(["mail", "chat"]),
    interaction_id=ids,
    type=st.integers(1, 10),
    initiator=ids,
    participants=st.lists(ids, min_size=1, max_size=4, unique=True).map(tuple),
    time_ns=st.integers(0, 10**6),
    duration_ns=st.none() | st.integers(0, 100),
    context=ids | st.just(""),
    help=st.integers(0, 4),
)


@given(interactions, interactions)
def test_equal_hashes_mean_equal_content(one: Interaction, other: Interaction) -> None:
    def content(each: Interaction) -> Interaction:
        return dataclasses.replace(each, participants=tuple(sorted(each.participants)))

    assert (one.content_hash() == other.content_hash()) == (content(one) == content(other))


@given(interactions, st.sets(ids))
def test_taking_people_out_leaves_the_others_or_nothing(whole: Interaction, gone: set[str]) -> None:
    left = whole.without(gone)
    staying = [person for person in whole.people if person not in gone]
    if left is None:
        assert len(staying) < 2
    else:
        assert list(left.people) == staying
        assert left.record_id == whole.record_id


def test_without_its_initiator_the_participants_stay_together() -> None:
    left = MAIL.without({"ada"})
    assert left is not None
    assert left.initiator == ""
    assert left.people == ("bob", "eve")


def test_one_person_alone_is_no_interaction() -> None:
    assert MAIL.without({"ada", "bob"}) is None
