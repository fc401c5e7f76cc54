"""A person as far as introductions need them: what colleagues may see, what is for matching only, and their wishes.

Nobody takes part before they joined and were told what is held; whoever was erased is nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from services.recommendations.domain.kinds import Kind

DEFAULT_MONTHLY_CAP = 4


class Cadence(StrEnum):
    """How often a person wants to be introduced."""

    WEEKLY = "weekly"
    FORTNIGHTLY = "fortnightly"
    MONTHLY = "monthly"
    ON_DEMAND = "on_demand"

    @property
    def interval(self) -> timedelta | None:
        """The time from one consideration to the next; None where only the person's own asking counts."""
        return _INTERVALS[self]


_INTERVALS = {
    Cadence.WEEKLY: timedelta(days=7),
    Cadence.FORTNIGHTLY: timedelta(days=14),
    Cadence.MONTHLY: timedelta(days=28),
    Cadence.ON_DEMAND: None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What describes a person, of one visibility. Empty where nothing is known or it has another visibility."""

    unit: str = ""
    manager_id: str = ""
    site: str = ""
    city: str = ""
    country: str = ""
    languages: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    interests: tuple[str, ...] = ()
    past_units: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a person lets happen, and when. `away` are times of absence, from the first instant to the last."""

    joined: bool = False
    informed: bool = False
    may_be_suggested: bool = True
    opted_out: frozenset[str] = frozenset()
    cadence: Cadence = Cadence.FORTNIGHTLY
    monthly_cap: int = DEFAULT_MONTHLY_CAP
    monthly_minutes: int = 0
    pause_until: datetime | None = None
    away: tuple[tuple[datetime, datetime], ...] = ()

    @property
    def takes_part(self) -> bool:
        """Joined, after they were told what is held, why and how to say no."""
        return self.joined and self.informed

    def paused(self, now: datetime) -> bool:
        """Whether the person stopped introductions until a later time."""
        return self.pause_until is not None and now < self.pause_until

    def available(self, now: datetime) -> bool:
        """Neither paused nor on leave."""
        return not self.paused(now) and not any(begin <= now < end for begin, end in self.away)

    def next_change(self, now: datetime) -> datetime | None:
        """When time alone next changes `available`."""
        times = [each for span in self.away for each in span]
        if self.pause_until is not None:
            times.append(self.pause_until)
        return min((each for each in times if each > now), default=None)

    def cap(self, minutes_each: int) -> int:
        """The most introductions in a month, by number and by the time budget."""
        by_time = self.monthly_minutes // minutes_each if self.monthly_minutes else self.monthly_cap
        return min(self.monthly_cap, by_time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a live profile. `visible` is what colleagues may see, `matching` what is for matching only.

    Until it is `complete` the private part has not arrived: then nothing is known of wishes and boundaries.
    """

    person_id: str
    complete: bool = True
    active: bool = True
    visible: Attributes = field(default_factory=Attributes)
    matching: Attributes = field(default_factory=Attributes)
    wishes: Wishes = field(default_factory=Wishes)
    boundaries: frozenset[str] = frozenset()

    @property
    def manager_id(self) -> str:
        """The manager, for filters only: whoever may see it."""
        return self.visible.manager_id or self.matching.manager_id

    @property
    def unit(self) -> str:
        """The unit, for filters only."""
        return self.visible.unit or self.matching.unit

    def may_be_introduced(self, kind: Kind, now: datetime) -> bool:
        """Whether the person may be shown and asked for this kind at this instant, whoever the other is."""
        wishes = self.wishes
        return (
            self.active
            and wishes.takes_part
            and wishes.may_be_suggested
            and kind not in wishes.opted_out
            and wishes.available(now)
        )


def apart(one: Person, other: Person, now: datetime) -> bool:
    """Whether an introduction of the two that was open must end: a boundary, a pause, or consent taken back."""
    if other.person_id in one.boundaries or one.person_id in other.boundaries:
        return True
    known = [each.wishes for each in (one, other) if each.complete]
    return any(not wishes.takes_part or wishes.paused(now) for wishes in known)
