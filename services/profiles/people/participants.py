"""Answers, from the database as it is now, which groups of people may be introduced."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from acquaint.profiles.v1.profile_pb2 import PERSON_STATUS_ACTIVE, Profile

from services.profiles.domain.participation import Participation, may_meet
from services.profiles.people.checks import as_date
from services.profiles.store import Boundaries, People, Person


class Participants:
    """Who may take part with whom. `time_zone` is that of people whose profile names none."""

    def __init__(self, people: People, boundaries: Boundaries, time_zone: str) -> None:
        self._people = people
        self._boundaries = boundaries
        self._time_zone = time_zone

    async def allowed(self, groups: Sequence[Sequence[str]], now: datetime) -> list[bool]:
        """One answer per group, by two queries for all of them."""
        named = {name for group in groups for name in group}
        people = {
            name: self._participation(person.profile)
            for name, person in (await self._people.many(named)).items()
            if isinstance(person, Person)
        }
        boundaries = await self._boundaries.among(named)
        return [may_meet(group, people, boundaries, now) for group in groups]

    def _participation(self, profile: Profile) -> Participation:
        availability = profile.availability
        has_left_on = profile.HasField("leaving_on") and profile.status == PERSON_STATUS_ACTIVE
        return Participation(
            joined=profile.joining.joined,
            may_be_suggested=availability.may_be_suggested if availability.HasField("may_be_suggested") else True,
            time_zone=profile.time_zone or self._time_zone,
            pause_until=availability.pause_until.ToDatetime(tzinfo=UTC)
            if availability.HasField("pause_until")
            else None,
            leave=tuple((as_date(getattr(absence, "from")), as_date(absence.to)) for absence in availability.leave),
            last_day=as_date(profile.leaving_on) if has_left_on else None,
        )
