"""What is said on one side of the wire is what the other side reads."""

from __future__ import annotations

import grpc
import pytest
from acquaint.errors.v1 import error_reason_pb2 as reasons
from acquaint.errors.v1.error_reason_pb2 import ErrorReason
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from services.platform.errors import (
    ServiceError,
    Violation,
    already_exists,
    exhausted,
    from_status,
    invalid,
    invalid_fields,
    not_found,
    to_status,
)

texts = st.text(max_size=30)
errors = st.builds(
    lambda code, reason, message, violations, metadata, retry: ServiceError(
        code, reason, message, violations=violations, metadata=metadata, retry_after=retry
    ),
    st.sampled_from([code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]),
    st.sampled_from(ErrorReason.values()),
    texts,
    st.lists(st.builds(lambda field, text: Violation(field=field, description=text), texts, texts), max_size=3),
    st.dictionaries(texts, texts, max_size=3),
    st.none() | st.integers(0, 10**7).map(lambda milliseconds: milliseconds / 1000),
)


@given(errors)
def test_an_error_survives_the_wire(error: ServiceError) -> None:
    read = from_status(status_pb2.Status.FromString(to_status(error).SerializeToString()))
    assert (read.code, read.reason, read.message) == (error.code, error.reason, error.message)
    assert (read.violations, read.metadata, read.retry_after) == (error.violations, error.metadata, error.retry_after)


def test_the_reason_stands_on_the_wire_without_its_prefix() -> None:
    info = error_details_pb2.ErrorInfo()
    to_status(not_found("person", "p-1")).details[0].Unpack(info)
    assert (info.reason, info.domain) == ("NOT_FOUND", "acquaint")


@pytest.mark.parametrize(
    ("code", "reason"),
    [(14, reasons.ERROR_REASON_DEPENDENCY_UNAVAILABLE), (2, reasons.ERROR_REASON_INTERNAL), (99, 21)],
)
def test_a_status_of_somebody_else_gets_the_reason_its_code_suggests(code: int, reason: int) -> None:
    foreign = status_pb2.Status(code=code, message="away")
    foreign.details.add().Pack(error_details_pb2.ErrorInfo(reason="THEIRS", domain="elsewhere"))
    foreign.details.add().Pack(error_details_pb2.ErrorInfo(reason="NEWER_THAN_US", domain="acquaint"))
    assert from_status(foreign).reason == reason


def test_helpers_give_the_code_and_reason_they_are_named_for() -> None:
    assert invalid("name", "is empty").violations == (Violation(field="name", description="is empty"),)
    several = invalid_fields([Violation(field="a", description="x"), Violation(field="b", description="y")])
    assert str(several) == "a: x (and 1 more)"
    assert already_exists("interaction", "m-1").reason == reasons.ERROR_REASON_ID_CONFLICT
    full = exhausted(reasons.ERROR_REASON_STORAGE_FULL, "full", 30)
    assert (full.code, full.retry_after) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 30)
