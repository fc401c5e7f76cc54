"""Each item of a batch has its own result: a refusal carries the same status as a refused call would."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from acquaint.errors.v1.error_reason_pb2 import ErrorReason
from acquaint.interactions.v1 import interaction_service_pb2 as pb

from services.interactions.domain import Accepted, Cause, Duplicate, Refused, Verdict
from services.platform.errors import ServiceError, Violation, to_status

_CODES = {
    Cause.INVALID_FIELD: grpc.StatusCode.INVALID_ARGUMENT,
    Cause.TIME_IN_FUTURE: grpc.StatusCode.INVALID_ARGUMENT,
    Cause.SOURCE_UNKNOWN: grpc.StatusCode.FAILED_PRECONDITION,
    Cause.SOURCE_OFF: grpc.StatusCode.FAILED_PRECONDITION,
    Cause.SOURCE_NOT_GRANTED: grpc.StatusCode.PERMISSION_DENIED,
    Cause.ID_CONFLICT: grpc.StatusCode.ALREADY_EXISTS,
    Cause.PERSON_ERASED: grpc.StatusCode.FAILED_PRECONDITION,
}


def response(verdicts: Sequence[Verdict]) -> pb.RecordInteractionsResponse:
    """Counts always, results only if an item was not accepted."""
    accepted = sum(isinstance(verdict, Accepted) for verdict in verdicts)
    duplicates = sum(isinstance(verdict, Duplicate) for verdict in verdicts)
    answer = pb.RecordInteractionsResponse(
        accepted=accepted, duplicates=duplicates, refused=len(verdicts) - accepted - duplicates
    )
    if accepted < len(verdicts):
        answer.results.extend(_result(index, verdict) for index, verdict in enumerate(verdicts))
    return answer


def _result(index: int, verdict: Verdict) -> pb.RecordResult:
    if isinstance(verdict, Accepted):
        return pb.RecordResult(outcome=pb.RECORD_OUTCOME_ACCEPTED)
    if isinstance(verdict, Duplicate):
        return pb.RecordResult(outcome=pb.RECORD_OUTCOME_DUPLICATE)
    return pb.RecordResult(outcome=pb.RECORD_OUTCOME_REFUSED, error=to_status(_error(index, verdict)))


def _error(index: int, refused: Refused) -> ServiceError:
    return ServiceError(
        _CODES[refused.cause],
        ErrorReason.Value(f"ERROR_REASON_{refused.cause.name}"),
        refused.message,
        violations=[
            Violation(field=f"interactions[{index}].{fault.field}", description=fault.description)
            for fault in refused.faults
        ],
    )
