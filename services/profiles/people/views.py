"""A profile reduced to what its reader may see: the person all of it, colleagues and matching what was agreed to.

Which fields those are is decided by the rules of the domain; fields this version does not know leave to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from acquaint.options.v1 import options_pb2
from acquaint.profiles.v1.profile_pb2 import Profile
from google.protobuf.timestamp_pb2 import Timestamp

from services.profiles.domain.visibility import Table, Visibility, given_to_matching, shown_to_colleagues
from services.profiles.store import Person

DEFAULTS: Table = {
    field.name: Visibility(field.GetOptions().Extensions[options_pb2.visibility]) for field in Profile.DESCRIPTOR.fields
}
FIELDS = frozenset(DEFAULTS)


class Rule(Protocol):
    """A rule of the domain that says which fields may go somewhere."""

    def __call__(self, defaults: Table, choices: Table, *, leaving_announced: bool) -> frozenset[str]: ...


def etag_of(version: int) -> str:
    """The etag of a version of a profile."""
    return f"v{version}"


def timestamp(instant: datetime) -> Timestamp:
    """The protobuf form of an aware instant."""
    found = Timestamp()
    found.FromDatetime(instant)
    return found


def for_the_person(person: Person) -> Profile:
    """Everything held, with version, etag and times."""
    view = Profile()
    view.CopyFrom(person.profile)
    view.version = person.version
    view.etag = etag_of(person.version)
    view.create_time.CopyFrom(timestamp(person.created))
    view.update_time.CopyFrom(timestamp(person.updated))
    return view


def for_colleagues(person: Person) -> Profile:
    """What another person may see. The version is that of the open state: it rises only when something seen changes."""
    view = colleagues_part(person.profile)
    view.version = person.public_version
    return view


def colleagues_part(profile: Profile) -> Profile:
    """The fields that colleagues may see, without a version."""
    return _without(profile, _HIDDEN_FROM_COLLEAGUES, shown_to_colleagues)


def matching_part(profile: Profile) -> Profile:
    """The fields of the private state, without a version."""
    return _without(profile, _HIDDEN_FROM_MATCHING, given_to_matching)


def _without(profile: Profile, hidden: Mapping[bool, Sequence[str]], rule: Rule) -> Profile:
    announced = profile.leaving_announced
    chosen = profile.field_visibilities
    names = _hidden(rule, _choices(profile), announced) if chosen else hidden[announced]
    view = Profile()
    view.CopyFrom(profile)
    for name in names:
        view.ClearField(name)  # type: ignore[arg-type]  # the stub lists the names it knows
    view.DiscardUnknownFields()
    return view


def _hidden(rule: Rule, choices: Table, announced: bool) -> Sequence[str]:
    return tuple(FIELDS - rule(DEFAULTS, choices, leaving_announced=announced))


def _choices(profile: Profile) -> Table:
    return {choice.field: Visibility(choice.visibility) for choice in profile.field_visibilities}


# Most people choose nothing: their two cases are computed once.
_HIDDEN_FROM_COLLEAGUES = {announced: _hidden(shown_to_colleagues, {}, announced) for announced in (False, True)}
_HIDDEN_FROM_MATCHING = {announced: _hidden(given_to_matching, {}, announced) for announced in (False, True)}
