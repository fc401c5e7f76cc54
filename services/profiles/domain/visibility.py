"""Each profile field is seen by colleagues, used for matching only, or private; nothing leaves more widely than that.

Pure functions of field names: they say which fields may go where, whoever holds the values.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class Visibility(IntEnum):
    """Who may see a field; the higher, the narrower. Values are those of `acquaint.options.v1.FieldVisibility`."""

    COLLEAGUES = 1
    MATCHING_ONLY = 2
    PRIVATE = 3


Table = Mapping[str, Visibility]

# What names a profile cannot be hidden: without these nobody could tell whose profile it is, or which state.
ALWAYS_SHOWN = frozenset({"person_id", "version", "etag"})

# The widest a person may open a field. Contact routes and identities would let others write to or follow somebody who
# has not said yes, availability holds sensitive wishes, side projects are for those who also joined ventures.
WIDEST: Table = {
    "identities": Visibility.PRIVATE,
    "contact": Visibility.PRIVATE,
    "field_visibilities": Visibility.PRIVATE,
    "side_projects": Visibility.PRIVATE,
    "create_time": Visibility.PRIVATE,
    "update_time": Visibility.PRIVATE,
    "availability": Visibility.MATCHING_ONLY,
    "joining": Visibility.MATCHING_ONLY,
}

# Shown as chosen once the leave is announced, and to nobody before, whatever was chosen.
SHOWN_ONCE_ANNOUNCED = frozenset({"leaving_on", "leaving_announced"})

# What the services need to respect a person's wishes and to reach them, however narrow its visibility.
NEEDED_TO_SERVE = frozenset({"person_id", "availability", "contact", "joining", "time_zone"})


def effective(defaults: Table, choices: Table, *, leaving_announced: bool) -> dict[str, Visibility]:
    """The visibility of every field of `defaults` under the person's choices."""
    found = {}
    for field, default in defaults.items():
        visibility = choices.get(field, default)
        if field in ALWAYS_SHOWN:
            visibility = Visibility.COLLEAGUES
        elif field in SHOWN_ONCE_ANNOUNCED:
            announced = choices.get(field, Visibility.COLLEAGUES)
            visibility = announced if leaving_announced else Visibility.PRIVATE
        found[field] = max(visibility, WIDEST.get(field, Visibility.COLLEAGUES))
    return found


def shown_to_colleagues(defaults: Table, choices: Table, *, leaving_announced: bool) -> frozenset[str]:
    """The fields that may be shown to another person and published on the open topic."""
    table = effective(defaults, choices, leaving_announced=leaving_announced)
    return frozenset(field for field, visibility in table.items() if visibility is Visibility.COLLEAGUES)


def given_to_matching(defaults: Table, choices: Table, *, leaving_announced: bool) -> frozenset[str]:
    """The fields that the private state carries: for matching only, or needed to serve the person."""
    table = effective(defaults, choices, leaving_announced=leaving_announced)
    matching = {field for field, visibility in table.items() if visibility is Visibility.MATCHING_ONLY}
    return frozenset(matching | (NEEDED_TO_SERVE & table.keys()))


def problem_with_choice(defaults: Table, field: str, choice: Visibility) -> str | None:
    """Why a person may not choose this visibility for this field; None if they may."""
    if field not in defaults:
        return "there is no such field"
    if field in ALWAYS_SHOWN:
        return "this field names the profile and is always shown"
    widest = WIDEST.get(field, Visibility.COLLEAGUES)
    if choice < widest:
        return f"this field can be opened no wider than {widest.name.lower()}"
    return None
