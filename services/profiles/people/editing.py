"""What a person changes about themselves: their own fields, a pause, whether they take part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import grpc
from acquaint.errors.v1 import error_reason_pb2
from acquaint.profiles.v1.profile_pb2 import Profile
from acquaint.profiles.v1.profile_service_pb2 import JoinPersonRequest, PausePersonRequest

from services.platform.errors import ServiceError, Violation, aborted, invalid, invalid_fields, not_found
from services.profiles.domain.ownership import SET_BY_THE_SERVICE, Ownership
from services.profiles.people import masks
from services.profiles.people.changes import Edit
from services.profiles.people.checks import broken_by, broken_together, problem_with_instant
from services.profiles.people.importing import normalise
from services.profiles.people.views import etag_of, timestamp
from services.profiles.store import Erased, Person, identity_keys

# How far the clock of whoever records a notice may be ahead of ours.
_CLOCKS_DIFFER = timedelta(minutes=5)


def no_such_person(person_id: str) -> ServiceError:
    """NOT_FOUND, for somebody who never was here and for somebody who was erased alike."""
    return not_found("person", person_id)


def update(profile: Profile, mask: Sequence[str], ownership: Ownership) -> Edit:
    """The person's own change of the fields in the mask.

    Raises ServiceError: INVALID_ARGUMENT for wrong values and paths, PERMISSION_DENIED for fields that a feed owns; the
    change itself NOT_FOUND, or ABORTED when `profile.etag` is given and is not that of the profile as it is.
    """
    paths = masks.parse(mask)
    _check_paths(paths, ownership)
    if violations := broken_by(profile):
        raise invalid_fields(violations)

    def change(present: Person) -> Profile:
        if profile.etag and profile.etag != etag_of(present.version):
            raise aborted(
                error_reason_pb2.ERROR_REASON_ETAG_MISMATCH, "the profile changed since it was read; read it again"
            )
        changed = _copy(present)
        for path in paths:
            masks.assign(changed, profile, path)
        normalise(changed)
        if problems := broken_together(changed):
            raise invalid_fields(problems)
        return changed

    return replace(
        _of_somebody_here(profile.person_id, change),
        # Where no feed owns these, a person meets the same refusals as a feed: taken, erased.
        brings=identity_keys(profile.identities) if ("identities",) in paths else (),
        manager_id=profile.manager_id if ("manager_id",) in paths else "",
    )


def pause(request: PausePersonRequest, now: datetime) -> Edit:
    """Pauses until a time to come, or ends the pause; raises ServiceError INVALID_ARGUMENT for a time that is past."""
    pausing = request.HasField("pause_until")
    if pausing and (problem := problem_with_instant(request.pause_until)):
        raise invalid("pause_until", problem)
    if pausing and request.pause_until.ToDatetime(tzinfo=now.tzinfo) <= now:
        raise invalid("pause_until", "lies in the past; leave it out to end a pause")

    def change(present: Person) -> Profile:
        changed = _copy(present)
        if pausing:
            changed.availability.pause_until.CopyFrom(request.pause_until)
        else:
            changed.availability.ClearField("pause_until")
        return changed

    return _of_somebody_here(request.person_id, change)


def join(request: JoinPersonRequest, now: datetime) -> Edit:
    """Joins or leaves. Raises ServiceError FAILED_PRECONDITION (NOTICE_REQUIRED) for joining without a notice."""
    if request.joined:
        _check_notice(request, now)

    def change(present: Person) -> Profile:
        changed = _copy(present)
        joining = changed.joining
        if request.joined:
            if not joining.joined:
                joining.join_time.CopyFrom(timestamp(now))
            joining.informed_at.CopyFrom(request.informed_at)
            joining.notice = request.notice
        else:
            joining.ClearField("join_time")
        joining.joined = request.joined
        return changed

    return _of_somebody_here(request.person_id, change)


def _of_somebody_here(person_id: str, change: Callable[[Person], Profile]) -> Edit:
    def guarded(present: Person | Erased | None) -> Profile:
        if not isinstance(present, Person):
            raise no_such_person(person_id)
        return change(present)

    return Edit(person_id=person_id, change=guarded)


def _check_paths(paths: Sequence[masks.Path], ownership: Ownership) -> None:
    violations = []
    for path in paths:
        problem = masks.problem_with(path)
        if problem is None and path[0] in SET_BY_THE_SERVICE:
            problem = f"{path[0]!r} is not changed by updates"
        if problem is not None:
            violations.append(Violation(field="update_mask", description=problem))
    if not paths:
        violations.append(Violation(field="update_mask", description="names no field"))
    if violations:
        raise invalid_fields(violations)
    foreign = [path[0] for path in paths if not ownership.person_may_change(path[0])]
    if foreign:
        raise ServiceError(
            grpc.StatusCode.PERMISSION_DENIED,
            error_reason_pb2.ERROR_REASON_NOT_PERMITTED,
            f"{', '.join(foreign)}: kept by a feed such as HR; it is corrected there",
            violations=[Violation(field="update_mask", description=f"{name!r} is kept by a feed") for name in foreign],
        )


def _check_notice(request: JoinPersonRequest, now: datetime) -> None:
    missing = [
        Violation(field=name, description="is needed to join")
        for name, given in (("informed_at", request.HasField("informed_at")), ("notice", bool(request.notice)))
        if not given
    ]
    if missing:
        raise ServiceError(
            grpc.StatusCode.FAILED_PRECONDITION,
            error_reason_pb2.ERROR_REASON_NOTICE_REQUIRED,
            "joining needs the time and the name of the notice the person was given",
            violations=missing,
        )
    if problem := problem_with_instant(request.informed_at):
        raise invalid("informed_at", problem)
    if request.informed_at.ToDatetime(tzinfo=now.tzinfo) > now + _CLOCKS_DIFFER:
        raise invalid("informed_at", "lies in the future")


def _copy(person: Person) -> Profile:
    copy = Profile()
    copy.CopyFrom(person.profile)
    return copy
