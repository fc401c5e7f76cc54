"""The rules' refusals as errors for callers; what a caller may not know of is not found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from acquaint.errors.v1 import error_reason_pb2

from services.platform.errors import ServiceError, invalid, not_found, precondition, unavailable
from services.recommendations.domain.lifecycle import InvitationIsClosed, SnoozeOutOfRange, UnknownIntroduction
from services.recommendations.suggestions import NoSuchPerson, NotReadyYet


def no_such_person(person_id: str) -> ServiceError:
    """NOT_FOUND: unknown, erased, hidden and not yet there are the same."""
    return not_found("person", person_id)


@contextmanager
def translated(*, introduction_id: str = "", person_id: str = "") -> Iterator[None]:
    """Raises ServiceError in place of the refusals of the rules."""
    try:
        yield
    except UnknownIntroduction:
        raise not_found("introduction", introduction_id) from None
    except InvitationIsClosed:
        reason = error_reason_pb2.ERROR_REASON_INVITATION_CLOSED
        raise precondition(reason, "the invitation was answered, withdrawn or has expired") from None
    except SnoozeOutOfRange:
        raise invalid("snooze_until", "must lie after now and before the expiry") from None
    except NoSuchPerson:
        raise no_such_person(person_id) from None
    except NotReadyYet:
        reason = error_reason_pb2.ERROR_REASON_NOT_READY
        raise unavailable("this replica is still reading its journal", reason) from None
