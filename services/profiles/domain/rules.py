"""What a profile must satisfy beyond the limits of single values: days that exist, zones that are known, order in time.

Each function returns why a value is refused, or None.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from zoneinfo import available_timezones

_FIRST_SECOND = -62_135_596_800
_LAST_SECOND = 253_402_300_799


@cache
def known_zones() -> frozenset[str]:
    """Every IANA name of the installed time zone data."""
    return frozenset(available_timezones())


def problem_with_zone(name: str) -> str | None:
    """A zone is an IANA name, spelt exactly; empty is the organisation's."""
    if not name or name in known_zones():
        return None
    return f"{name!r} is not a known time zone; an IANA name such as Europe/Berlin is needed"


def problem_with_day(year: int, month: int, day: int) -> str | None:
    """A day is one of the calendar."""
    try:
        date(year, month, day)
    except ValueError:
        return f"{year:04}-{month:02}-{day:02} is not a day of the calendar"
    return None


def problem_with_span(first: date | None, last: date | None) -> str | None:
    """The last day is not before the first, where both are known."""
    if first is not None and last is not None and last < first:
        return f"{last.isoformat()} is before {first.isoformat()}"
    return None


def problem_with_hours(from_minute: int, to_minute: int) -> str | None:
    """Working hours end after they begin; a night shift is written as two days."""
    if to_minute <= from_minute:
        return "working hours end after they begin; hours over midnight are given as two days"
    return None


def problem_with_manager(person_id: str, manager_id: str) -> str | None:
    """Nobody is their own manager."""
    return "nobody is their own manager" if manager_id and manager_id == person_id else None


def problem_with_instant(seconds: int, nanos: int) -> str | None:
    """An instant lies in the years 1 to 9999, as its protobuf type promises and its bytes may break."""
    if _FIRST_SECOND <= seconds <= _LAST_SECOND and 0 <= nanos < 1_000_000_000:
        return None
    return "is not an instant between the years 1 and 9999"
