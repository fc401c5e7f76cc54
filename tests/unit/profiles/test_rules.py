"""Days exist, zones are known, times are in order; what breaks a rule is named by its field."""

from __future__ import annotations

from datetime import date

import pytest
from acquaint.profiles.v1.profile_pb2 import Absence, Day, Position, Profile, VisibilityChoice, WorkingHours
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from services.profiles.domain import rules
from services.profiles.people.checks import broken_by, broken_together


def fields_broken_by(profile: Profile) -> list[str]:
    profile.person_id = profile.person_id or "p1"
    return [violation.field for violation in broken_by(profile)]


@given(day=st.dates())
def test_every_day_of_the_calendar_is_one(day: date) -> None:
    assert rules.problem_with_day(day.year, day.month, day.day) is None


@pytest.mark.parametrize("day", [(2026, 2, 29), (2025, 4, 31), (2026, 13, 1), (2026, 0, 1)])
def test_other_days_are_not(day: tuple[int, int, int]) -> None:
    assert rules.problem_with_day(*day) is not None


@pytest.mark.parametrize("zone", ["", "Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_a_known_zone_is_accepted(zone: str) -> None:
    assert rules.problem_with_zone(zone) is None


@pytest.mark.parametrize(
    "zone", ["Europe/Berln", "europe/berlin", "Europe", "../etc/passwd", "/etc/localtime", "CET+1"]
)
def test_any_other_zone_is_refused_by_name(zone: str) -> None:
    problem = rules.problem_with_zone(zone)
    assert problem is not None
    assert repr(zone) in problem


def test_working_hours_end_after_they_begin() -> None:
    hours = [
        WorkingHours(weekday=1, from_minute=540, to_minute=1020),
        WorkingHours(weekday=2, from_minute=540, to_minute=540),
    ]
    assert fields_broken_by(Profile(working_hours=hours)) == ["profile.working_hours[1].to_minute"]


def test_absences_and_positions_are_in_order_and_on_real_days() -> None:
    leave = [
        Absence(**{"from": Day(year=2026, month=5, day=2), "to": Day(year=2026, month=5, day=1)}),
        Absence(**{"from": Day(year=2026, month=2, day=30), "to": Day(year=2026, month=3, day=1)}),
    ]
    positions = [Position(**{"from": Day(year=2026, month=5, day=2)}), Position(to=Day(year=2026, month=6, day=31))]
    profile = Profile(past_positions=positions)
    profile.availability.leave.extend(leave)
    assert fields_broken_by(profile) == [
        "profile.past_positions[1].to",
        "profile.availability.leave[0].to",
        "profile.availability.leave[1].from",
    ]


def test_a_field_has_one_visibility() -> None:
    choices = [VisibilityChoice(field="skills", visibility=3), VisibilityChoice(field="skills", visibility=2)]  # type: ignore[arg-type]
    assert fields_broken_by(Profile(field_visibilities=choices)) == ["profile.field_visibilities[1].field"]


def test_a_pause_ends_within_the_calendar() -> None:
    profile = Profile()
    profile.availability.pause_until.CopyFrom(Timestamp(seconds=2**50))
    assert fields_broken_by(profile) == ["profile.availability.pause_until"]


def test_nobody_is_their_own_manager() -> None:
    broken = broken_together(Profile(person_id="p1", manager_id="p1"))
    assert [violation.field for violation in broken] == ["profile.manager_id"]


def test_nobody_leaves_before_they_joined() -> None:
    profile = Profile(joined_on=Day(year=2026, month=5, day=2), leaving_on=Day(year=2026, month=5, day=1))
    assert [violation.field for violation in broken_together(profile)] == ["profile.leaving_on"]
    profile.leaving_on.day = 2
    assert broken_together(profile) == []


def test_the_limits_of_the_proto_come_with_the_path_within_the_item() -> None:
    profile = Profile(person_id="with space", name="x" * 201)
    profile.place.country = "Italy"
    assert fields_broken_by(profile) == ["profile.person_id", "profile.name", "profile.place.country"]
