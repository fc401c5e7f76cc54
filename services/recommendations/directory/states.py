"""Profile states of the two topics as people of this service: visible stays visible, matching-only stays apart."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from acquaint.profiles.v1 import profile_pb2
from acquaint.profiles.v1.profile_pb2 import Absence, Day, Profile

from services.recommendations.domain.people import DEFAULT_MONTHLY_CAP, Attributes, Cadence, Wishes

_CADENCES = {
    profile_pb2.CADENCE_UNSPECIFIED: Cadence.FORTNIGHTLY,
    profile_pb2.CADENCE_WEEKLY: Cadence.WEEKLY,
    profile_pb2.CADENCE_FORTNIGHTLY: Cadence.FORTNIGHTLY,
    profile_pb2.CADENCE_MONTHLY: Cadence.MONTHLY,
    profile_pb2.CADENCE_ON_DEMAND: Cadence.ON_DEMAND,
}
_ACTIVE = (profile_pb2.PERSON_STATUS_UNSPECIFIED, profile_pb2.PERSON_STATUS_ACTIVE)


def attributes(profile: Profile) -> Attributes:
    """The describing fields of one state."""
    return Attributes(
        unit=profile.unit,
        manager_id=profile.manager_id,
        site=profile.place.site,
        city=profile.place.city,
        country=profile.place.country,
        languages=tuple(profile.languages),
        fields=tuple(profile.fields),
        skills=tuple(profile.skills),
        offers=tuple(profile.offers),
        wants=tuple(profile.wants),
        interests=tuple(profile.interests),
        past_units=_distinct(position.unit for position in profile.past_positions),
    )


def active(profile: Profile) -> bool:
    """Whether the person is a member; alumni and externals join by an act of their own, for kinds made for them."""
    return profile.status in _ACTIVE


def wishes(profile: Profile) -> Wishes:
    """The wishes in a private state, which also has the zone in which absences are days."""
    availability, joining = profile.availability, profile.joining
    zone = _zone(profile.time_zone)
    return Wishes(
        joined=joining.joined,
        informed=joining.HasField("informed_at"),
        may_be_suggested=availability.may_be_suggested if availability.HasField("may_be_suggested") else True,
        opted_out=frozenset(availability.kinds_opted_out),
        cadence=_CADENCES.get(availability.cadence, Cadence.FORTNIGHTLY),
        monthly_cap=availability.monthly_cap if availability.HasField("monthly_cap") else DEFAULT_MONTHLY_CAP,
        monthly_minutes=availability.monthly_minutes,
        pause_until=availability.pause_until.ToDatetime(UTC) if availability.HasField("pause_until") else None,
        away=tuple(span for absence in availability.leave if (span := _span(absence, zone)) is not None),
    )


def _span(absence: Absence, zone: tzinfo) -> tuple[datetime, datetime] | None:
    begin, last = _midnight(getattr(absence, "from"), zone), _midnight(absence.to, zone)
    if begin is None or last is None or last < begin:
        return None
    return begin.astimezone(UTC), (last + timedelta(days=1)).astimezone(UTC)


def _midnight(day: Day, zone: tzinfo) -> datetime | None:
    try:
        return datetime(day.year, day.month, day.day, tzinfo=zone)
    except ValueError:
        return None


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, KeyError, OSError):
        return UTC


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in values if each))
