"""Broken constraints are named by the path a caller would write."""

from __future__ import annotations

from acquaint.interactions.v1.interaction_pb2 import Interaction
from acquaint.profiles.v1.boundary_service_pb2 import SetBoundaryRequest

from services.platform.validation import violations_of


def test_a_valid_message_breaks_nothing() -> None:
    assert violations_of(SetBoundaryRequest(person_id="p-1", other_person_id="p-2")) == []


def test_fields_and_items_are_named_by_their_paths() -> None:
    paths = [violation.field for violation in violations_of(Interaction(participant_ids=["p-1", "", " "]))]
    assert "interaction_id" in paths
    assert "participant_ids[1]" in paths
    assert "participant_ids[2]" in paths
    assert "participant_ids[0]" not in paths


def test_a_message_that_breaks_everything_gives_a_bounded_list() -> None:
    assert len(violations_of(Interaction(participant_ids=[" "] * 500))) == 20
