"""Every error a caller sees is a google.rpc.Status with an ErrorInfo whose reason is a value of ErrorReason.

Handlers raise `ServiceError`; what they raise besides is a defect and tells the caller nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import grpc
from acquaint.errors.v1 import error_reason_pb2
from acquaint.errors.v1.error_reason_pb2 import ErrorReason
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

DOMAIN = "acquaint"
DETAILS_KEY = "grpc-status-details-bin"
_PREFIX = "ERROR_REASON_"
_CODES = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One field of the request that breaks its rule; the path is as in `interactions[3].time`."""

    field: str
    description: str


class ServiceError(Exception):
    """An error meant for the caller: its text holds nothing that the caller may not know."""

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: ErrorReason.ValueType,
        message: str,
        *,
        violations: Sequence[Violation] = (),
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.violations = tuple(violations)
        self.metadata = dict(metadata or {})
        self.retry_after = retry_after


class StartRefused(Exception):
    """The process cannot start; the text tells an operator in one sentence what is in the way."""


class DependencyUnavailable(Exception):
    """Something this process needs does not answer. A caller gets UNAVAILABLE, without the text."""


def reason_name(reason: ErrorReason.ValueType) -> str:
    """The reason as it stands on the wire, without the enum's prefix."""
    return ErrorReason.Name(reason).removeprefix(_PREFIX)


def to_status(error: ServiceError) -> status_pb2.Status:
    """The wire form: ErrorInfo always, BadRequest for violations, RetryInfo where a time to wait is known."""
    status = status_pb2.Status(code=error.code.value[0], message=error.message)
    info = error_details_pb2.ErrorInfo(reason=reason_name(error.reason), domain=DOMAIN, metadata=error.metadata)
    status.details.add().Pack(info)
    if error.violations:
        fields = [
            error_details_pb2.BadRequest.FieldViolation(field=each.field, description=each.description)
            for each in error.violations
        ]
        status.details.add().Pack(error_details_pb2.BadRequest(field_violations=fields))
    if error.retry_after is not None:
        delay = Duration()
        delay.FromMilliseconds(round(error.retry_after * 1000))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return status


def from_status(status: status_pb2.Status) -> ServiceError:
    """The error a status stands for; one without our ErrorInfo gets the reason that its code suggests."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    reason, metadata = _reason_of(code), {}
    violations: list[Violation] = []
    retry_after = None
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        if (
            detail.Unpack(info)
            and info.domain == DOMAIN
            and _PREFIX + info.reason in ErrorReason.DESCRIPTOR.values_by_name
        ):
            reason, metadata = ErrorReason.Value(_PREFIX + info.reason), dict(info.metadata)
        elif detail.Unpack(bad):
            violations += [Violation(field=each.field, description=each.description) for each in bad.field_violations]
        elif detail.Unpack(retry):
            retry_after = retry.retry_delay.ToMilliseconds() / 1000
    return ServiceError(code, reason, status.message, violations=violations, metadata=metadata, retry_after=retry_after)


def from_rpc_error(error: grpc.aio.AioRpcError) -> ServiceError:
    """The error that a server sent, or that the channel made of a server that did not answer."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            return from_status(status_pb2.Status.FromString(value))
    return ServiceError(error.code(), _reason_of(error.code()), error.details() or error.code().name)


def _reason_of(code: grpc.StatusCode) -> ErrorReason.ValueType:
    return {
        grpc.StatusCode.UNAVAILABLE: error_reason_pb2.ERROR_REASON_DEPENDENCY_UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED: error_reason_pb2.ERROR_REASON_DEADLINE_EXCEEDED,
        grpc.StatusCode.UNAUTHENTICATED: error_reason_pb2.ERROR_REASON_UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED: error_reason_pb2.ERROR_REASON_NOT_PERMITTED,
        grpc.StatusCode.NOT_FOUND: error_reason_pb2.ERROR_REASON_NOT_FOUND,
        grpc.StatusCode.RESOURCE_EXHAUSTED: error_reason_pb2.ERROR_REASON_QUOTA_EXCEEDED,
    }.get(code, error_reason_pb2.ERROR_REASON_INTERNAL)


def invalid(
    field: str,
    description: str,
    reason: ErrorReason.ValueType = error_reason_pb2.ERROR_REASON_INVALID_FIELD,
) -> ServiceError:
    """INVALID_ARGUMENT for one field."""
    return invalid_fields([Violation(field=field, description=description)], reason)


def invalid_fields(
    violations: Sequence[Violation],
    reason: ErrorReason.ValueType = error_reason_pb2.ERROR_REASON_INVALID_FIELD,
) -> ServiceError:
    """INVALID_ARGUMENT for several fields; the message names the first."""
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    message = f"{violations[0].field}: {violations[0].description}{more}"
    return ServiceError(grpc.StatusCode.INVALID_ARGUMENT, reason, message, violations=violations)


def not_found(what: str, name: str) -> ServiceError:
    """NOT_FOUND: also for what the caller may not know of."""
    return ServiceError(
        grpc.StatusCode.NOT_FOUND, error_reason_pb2.ERROR_REASON_NOT_FOUND, f"there is no {what} {name!r}"
    )


def already_exists(
    what: str, name: str, reason: ErrorReason.ValueType = error_reason_pb2.ERROR_REASON_ID_CONFLICT
) -> ServiceError:
    """ALREADY_EXISTS: the same id was used for other content."""
    message = f"{what} {name!r} was recorded before with other content"
    return ServiceError(grpc.StatusCode.ALREADY_EXISTS, reason, message)


def precondition(reason: ErrorReason.ValueType, message: str) -> ServiceError:
    """FAILED_PRECONDITION: something else must change before a repeat can succeed."""
    return ServiceError(grpc.StatusCode.FAILED_PRECONDITION, reason, message)


def aborted(reason: ErrorReason.ValueType, message: str) -> ServiceError:
    """ABORTED: read again, then repeat."""
    return ServiceError(grpc.StatusCode.ABORTED, reason, message)


def exhausted(reason: ErrorReason.ValueType, message: str, retry_after: float) -> ServiceError:
    """RESOURCE_EXHAUSTED with the seconds to wait."""
    return ServiceError(grpc.StatusCode.RESOURCE_EXHAUSTED, reason, message, retry_after=retry_after)


def denied(reason: ErrorReason.ValueType, message: str) -> ServiceError:
    """PERMISSION_DENIED: who calls is known and may not."""
    return ServiceError(grpc.StatusCode.PERMISSION_DENIED, reason, message)


def unauthenticated(message: str) -> ServiceError:
    """UNAUTHENTICATED: who calls is not known."""
    return ServiceError(grpc.StatusCode.UNAUTHENTICATED, error_reason_pb2.ERROR_REASON_UNAUTHENTICATED, message)


def unavailable(
    message: str,
    reason: ErrorReason.ValueType = error_reason_pb2.ERROR_REASON_DEPENDENCY_UNAVAILABLE,
    retry_after: float = 1.0,
) -> ServiceError:
    """UNAVAILABLE: something we need does not answer; a repeat may succeed."""
    return ServiceError(grpc.StatusCode.UNAVAILABLE, reason, message, retry_after=retry_after)
