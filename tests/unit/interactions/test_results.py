"""The result of an item says as much as a refused call would: code, reason, and the field with its place."""

from __future__ import annotations

import pytest
from acquaint.interactions.v1 import interaction_service_pb2 as pb
from google.rpc import error_details_pb2

from services.interactions.api.results import response
from services.interactions.domain import DUPLICATE, Accepted, Cause, Fault, Interaction, Refused, invalid

ACCEPTED = Accepted(
    interaction=Interaction(
        source="mail", interaction_id="m-1", type=2, initiator="ada", participants=("bob",), time_ns=0
    ),
    content_hash=b"",
)


def test_no_results_when_everything_was_accepted() -> None:
    assert response([ACCEPTED, ACCEPTED]) == pb.RecordInteractionsResponse(accepted=2)


def test_each_item_has_its_result_in_order() -> None:
    answer = response([ACCEPTED, DUPLICATE, invalid(Fault(field="time", description="value is required"))])
    assert (answer.accepted, answer.duplicates, answer.refused) == (1, 1, 1)
    assert [result.outcome for result in answer.results] == [
        pb.RECORD_OUTCOME_ACCEPTED,
        pb.RECORD_OUTCOME_DUPLICATE,
        pb.RECORD_OUTCOME_REFUSED,
    ]
    status = answer.results[2].error
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(bad)
    assert (info.reason, info.domain) == ("INVALID_FIELD", "acquaint")
    assert [(each.field, each.description) for each in bad.field_violations] == [
        ("interactions[2].time", "value is required")
    ]


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (Cause.INVALID_FIELD, 3),
        (Cause.TIME_IN_FUTURE, 3),
        (Cause.ID_CONFLICT, 6),
        (Cause.SOURCE_NOT_GRANTED, 7),
        (Cause.SOURCE_UNKNOWN, 9),
        (Cause.SOURCE_OFF, 9),
        (Cause.PERSON_ERASED, 9),
    ],
    ids=str,
)
def test_each_cause_has_its_code_and_reason(cause: Cause, code: int) -> None:
    (result,) = response([Refused(cause=cause, message="no")]).results
    info = error_details_pb2.ErrorInfo()
    assert result.error.code == code
    assert result.error.message == "no"
    assert result.error.details[0].Unpack(info)
    assert info.reason == cause.name


def test_every_cause_is_covered() -> None:
    assert len(response([Refused(cause=cause, message="") for cause in Cause]).results) == len(Cause)
