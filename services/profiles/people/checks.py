"""Walks a profile and names each field that breaks a rule of the domain; limits of single values are in the proto."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from acquaint.profiles.v1.profile_pb2 import Absence, Availability, Day, Position, Profile, VisibilityChoice
from google.protobuf.timestamp_pb2 import Timestamp

from services.platform.errors import Violation
from services.platform.validation import violations_of
from services.profiles.domain import rules
from services.profiles.domain.visibility import Visibility, problem_with_choice
from services.profiles.people.views import DEFAULTS

Found = Iterator[tuple[str, str | None]]


def broken_by(profile: Profile) -> list[Violation]:
    """What `profile` breaks on its own, the limits declared in the proto included; fields are named `profile.…`."""
    declared = violations_of(profile)
    if declared:
        return [Violation(field=f"profile.{each.field}", description=each.description) for each in declared]
    return _violations(_values(profile))


def broken_together(profile: Profile) -> list[Violation]:
    """What fields from several hands break together, once a change is merged."""
    return _violations(_combinations(profile))


def _violations(found: Found) -> list[Violation]:
    return [Violation(field=f"profile.{field}", description=problem) for field, problem in found if problem is not None]


def _values(profile: Profile) -> Found:
    yield "time_zone", rules.problem_with_zone(profile.time_zone)
    if profile.HasField("joined_on"):
        yield "joined_on", _problem_with(profile.joined_on)
    if profile.HasField("leaving_on"):
        yield "leaving_on", _problem_with(profile.leaving_on)
    for place, hours in enumerate(profile.working_hours):
        problem = rules.problem_with_hours(hours.from_minute, hours.to_minute)
        if problem is not None:
            yield f"working_hours[{place}].to_minute", problem
    for place, position in enumerate(profile.past_positions):
        yield from _span(f"past_positions[{place}]", position)
    if profile.HasField("availability"):
        yield from _availability(profile.availability)
    if profile.field_visibilities:
        yield from _choices(profile.field_visibilities)


def _availability(availability: Availability) -> Found:
    if availability.HasField("pause_until"):
        yield "availability.pause_until", problem_with_instant(availability.pause_until)
    for place, absence in enumerate(availability.leave):
        yield from _span(f"availability.leave[{place}]", absence)


def _choices(choices: Iterable[VisibilityChoice]) -> Found:
    chosen: set[str] = set()
    for place, choice in enumerate(choices):
        name = f"field_visibilities[{place}]"
        yield f"{name}.field", "a field has one visibility" if choice.field in chosen else None
        yield name, problem_with_choice(DEFAULTS, choice.field, Visibility(choice.visibility))
        chosen.add(choice.field)


def _combinations(profile: Profile) -> Found:
    yield "manager_id", rules.problem_with_manager(profile.person_id, profile.manager_id)
    if profile.HasField("joined_on") and profile.HasField("leaving_on"):
        yield "leaving_on", rules.problem_with_span(as_date(profile.joined_on), as_date(profile.leaving_on))


def _span(name: str, span: Position | Absence) -> Found:
    first, last = span.HasField("from"), span.HasField("to")
    problem_with_first = _problem_with(getattr(span, "from")) if first else None
    problem_with_last = _problem_with(span.to) if last else None
    yield f"{name}.from", problem_with_first
    if problem_with_last is None and problem_with_first is None and first and last:
        problem_with_last = rules.problem_with_span(as_date(getattr(span, "from")), as_date(span.to))
    yield f"{name}.to", problem_with_last


def problem_with_instant(instant: Timestamp) -> str | None:
    """Why an instant is none; None if it is one."""
    return rules.problem_with_instant(instant.seconds, instant.nanos)


def _problem_with(day: Day) -> str | None:
    return rules.problem_with_day(day.year, day.month, day.day)


def as_date(day: Day) -> date:
    """The day as a date; it has passed the check."""
    return date(day.year, day.month, day.day)
