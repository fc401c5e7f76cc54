"""Who may take part in an introduction at this moment, and with whom: asked afresh before anything is issued or made.

The answer for a group is yes or no and never says why: a boundary, a pause and an absent person look the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Participation:
    """What a person has said about taking part. `leave` are first and last days of absence, both included."""

    joined: bool = False
    may_be_suggested: bool = True
    time_zone: str
    pause_until: datetime | None = None
    leave: tuple[tuple[date, date], ...] = ()
    last_day: date | None = None


def may_take_part(person: Participation, now: datetime) -> bool:
    """Joined, not paused, neither on leave nor gone today in the person's own zone, and willing to be suggested."""
    if not (person.joined and person.may_be_suggested):
        return False
    if person.pause_until is not None and now < person.pause_until:
        return False
    today = now.astimezone(ZoneInfo(person.time_zone)).date()
    if person.last_day is not None and person.last_day < today:
        return False
    return not any(first <= today <= last for first, last in person.leave)


def may_meet(
    group: Sequence[str], people: Mapping[str, Participation], boundaries: Set[frozenset[str]], now: datetime
) -> bool:
    """Whether all of `group` are different people who may take part now and no boundary stands between any two.

    `people` has no entry for those who do not exist or were erased; `boundaries` are pairs.
    """
    if len(set(group)) != len(group):
        return False
    if not all(name in people and may_take_part(people[name], now) for name in group):
        return False
    return not any(
        frozenset((one, other)) in boundaries for place, one in enumerate(group) for other in group[place + 1 :]
    )
