"""What became of one requested change, and the errors that refuse one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import grpc
from acquaint.errors.v1 import error_reason_pb2

from services.platform.errors import ServiceError, Violation
from services.profiles.store import Person


class Result(Enum):
    """What became of a change."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"  # nothing was different: nothing is published
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result for one person, the person as stored (if there is one), and why it was refused.

    `left_alone` are fields that the request named and its source does not own.
    """

    result: Result
    person: Person | None = None
    error: ServiceError | None = None
    left_alone: Sequence[str] = ()


def refused(error: ServiceError) -> Outcome:
    """The outcome of a refused change."""
    return Outcome(result=Result.REFUSED, error=error)


def person_erased(field: str) -> ServiceError:
    """FAILED_PRECONDITION: nothing about an erased person is taken, whether named by id or by identity."""
    return ServiceError(
        grpc.StatusCode.FAILED_PRECONDITION,
        error_reason_pb2.ERROR_REASON_PERSON_ERASED,
        "the person was erased; nothing about them is taken",
        violations=[Violation(field=field, description="names a person who was erased")],
    )


def identity_taken(field: str) -> ServiceError:
    """ALREADY_EXISTS: an identity names one person. Whom, is not said."""
    return ServiceError(
        grpc.StatusCode.ALREADY_EXISTS,
        error_reason_pb2.ERROR_REASON_ID_CONFLICT,
        f"{field}: this identity belongs to another person",
        violations=[Violation(field=field, description="belongs to another person")],
    )
