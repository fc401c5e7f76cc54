"""Upserts from feeds: a feed fills in everything about somebody new, and of others only the fields it owns.

The same rules hold for a gRPC batch and for a record of the inbound topic.
"""

from __future__ import annotations

from collections.abc import Sequence

from acquaint.profiles.v1.profile_pb2 import CADENCE_FORTNIGHTLY, PERSON_STATUS_ACTIVE, Profile

from services.platform.errors import Violation, invalid_fields
from services.profiles.domain.ownership import SET_BY_THE_SERVICE, Ownership
from services.profiles.people import masks
from services.profiles.people.changes import Edit
from services.profiles.people.checks import broken_by, broken_together
from services.profiles.people.outcomes import person_erased
from services.profiles.store import Erased, Person, identity_keys

DEFAULT_SOURCE = "hr"


def upsert(
    profile: Profile,
    mask: Sequence[str],
    source: str,
    ownership: Ownership,
    *,
    position: tuple[int, int] | None = None,
) -> Edit:
    """The change that an item asks for; raises ServiceError INVALID_ARGUMENT naming each field that is wrong.

    Fields are named as in `profile.time_zone`, wrong paths of the mask as `update_mask`.
    """
    paths = masks.parse(mask)
    violations = [*broken_by(profile), *_wrong_paths(paths)]
    if violations:
        raise invalid_fields(violations)
    paths = paths or [path for path in masks.named_in(profile) if path[0] not in SET_BY_THE_SERVICE]
    owned = ownership.of_feed(source)

    def change(present: Person | Erased | None) -> Profile:
        if isinstance(present, Erased):
            raise person_erased("profile.person_id")
        merged = Profile()
        if present is None:
            _seed(merged, profile, paths, masked=bool(mask))
        else:
            merged.CopyFrom(present.profile)
            for path in paths:
                if path[0] in owned:
                    masks.assign(merged, profile, path)
        normalise(merged)
        if problems := broken_together(merged):
            raise invalid_fields(problems)
        return merged

    return Edit(
        person_id=profile.person_id,
        change=change,
        brings=identity_keys(profile.identities),
        manager_id=profile.manager_id,
        position=position,
        left_alone=sorted({path[0] for path in paths} - owned),
    )


def normalise(profile: Profile) -> None:
    """Stores what stands for "not said" as what it means, so that no reader has to know."""
    profile.status = profile.status or PERSON_STATUS_ACTIVE
    if not profile.availability.cadence:
        profile.availability.cadence = CADENCE_FORTNIGHTLY


def _seed(merged: Profile, profile: Profile, paths: Sequence[masks.Path], *, masked: bool) -> None:
    if masked:
        for path in paths:
            masks.assign(merged, profile, path)
    else:
        # A whole copy: fields that a newer feed knows and this version does not are kept for the versions that will.
        merged.CopyFrom(profile)
        for name in SET_BY_THE_SERVICE:
            merged.ClearField(name)  # type: ignore[arg-type]  # the stub lists the names it knows
    merged.person_id = profile.person_id


def _wrong_paths(paths: Sequence[masks.Path]) -> list[Violation]:
    wrong = []
    for path in paths:
        problem = masks.problem_with(path)
        if problem is None and path[0] in SET_BY_THE_SERVICE:
            problem = f"{path[0]!r} cannot be imported"
        if problem is not None:
            wrong.append(Violation(field="update_mask", description=problem))
    return wrong
