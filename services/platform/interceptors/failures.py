"""What a handler raises becomes what the caller sees: our own errors as they are, everything else without details."""

from __future__ import annotations

import grpc
from acquaint.errors.v1 import error_reason_pb2

from services.platform.errors import DETAILS_KEY, DependencyUnavailable, ServiceError, to_status, unavailable
from services.platform.telemetry import get_logger

logger = get_logger(__name__)
_AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def deadline_exceeded() -> ServiceError:
    """DEADLINE_EXCEEDED: whatever the handler would still have done is dropped."""
    return ServiceError(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        error_reason_pb2.ERROR_REASON_DEADLINE_EXCEEDED,
        "the call took longer than its deadline",
    )


def failure_of(error: Exception, *, method: str, request_id: str) -> ServiceError:
    """The error to answer with; a defect is logged, and the caller learns only the id under which it is."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, DependencyUnavailable):
        logger.warning("dependency_unavailable", method=method, exc_info=error)
        return unavailable("something this service needs does not answer")
    if isinstance(error, grpc.aio.AioRpcError) and error.code() in _AWAY:
        logger.warning("peer_unavailable", method=method, code=error.code().name)
        return unavailable("another service does not answer")
    logger.error("call_failed", method=method, exc_info=error)
    return ServiceError(
        grpc.StatusCode.INTERNAL,
        error_reason_pb2.ERROR_REASON_INTERNAL,
        "this is a defect of the service",
        metadata={"request_id": request_id},
    )


def trailers_of(error: ServiceError) -> tuple[tuple[str, bytes], ...]:
    """The trailing metadata that carries the error's details."""
    return ((DETAILS_KEY, to_status(error).SerializeToString()),)
