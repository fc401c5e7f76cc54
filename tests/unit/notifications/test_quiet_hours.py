"""Quiet hours hold in every zone of the world, whatever its clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifications.domain import zone_or
from services.notifications.policy import QuietHours

ZONES = sorted(
    zone for zone in available_timezones() if not zone.startswith(("posix/", "right/")) and zone != "localtime"
)
NIGHT = QuietHours(start=time(20, 0), end=time(7, 0))
instants = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2035, 1, 1), timezones=st.just(UTC))
local_times = st.times().map(lambda t: t.replace(second=0, microsecond=0))


@given(at=instants, zone=st.sampled_from(ZONES), start=local_times, end=local_times)
@settings(max_examples=400, deadline=None)
def test_nothing_is_allowed_inside_quiet_hours_and_nothing_waits_longer_than_needed(
    at: datetime, zone: str, start: time, end: time
) -> None:
    hours = QuietHours(start=start, end=end)
    info = ZoneInfo(zone)
    allowed = hours.next_allowed(at, info)
    assert not hours.quiet(allowed, info)
    assert allowed >= at
    if allowed > at:
        assert hours.quiet(at, info)
        # Every minute before it is quiet: an hour before it is enough to see, and the first and the last of the wait.
        for minutes in {1, 2, 15, 30, 59, 60, 61, 90, 120, 179, 180}:
            earlier = allowed - timedelta(minutes=minutes)
            assert earlier < at or hours.quiet(earlier, info)


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        ("2026-03-28T22:00+00:00", "Europe/Berlin", "2026-03-29T05:00+00:00"),  # the clock goes forward in the night
        ("2026-10-24T22:00+00:00", "Europe/Berlin", "2026-10-25T06:00+00:00"),  # the clock goes back in the night
        ("2026-06-01T12:00+00:00", "Asia/Kathmandu", "2026-06-01T12:00+00:00"),  # 17:45 there
        ("2026-06-01T15:00+00:00", "Asia/Kathmandu", "2026-06-02T01:15+00:00"),  # a zone of odd minutes
    ],
)
def test_the_morning_is_the_local_one(at: str, zone: str, expected: str) -> None:
    allowed = NIGHT.next_allowed(datetime.fromisoformat(at), ZoneInfo(zone))
    assert allowed == datetime.fromisoformat(expected)


def test_where_the_clock_skips_the_end_of_the_quiet_hours_they_end_with_the_skip() -> None:
    hours = QuietHours(start=time(20, 0), end=time(2, 30))
    allowed = hours.next_allowed(datetime(2026, 3, 29, 0, 30, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
    assert allowed == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_equal_ends_mean_never_quiet() -> None:
    never = QuietHours(start=time(7, 0), end=time(7, 0))
    assert not never.quiet(datetime(2026, 1, 1, 7, 0, tzinfo=UTC), ZoneInfo("UTC"))


def test_an_unknown_zone_is_the_organisations() -> None:
    assert zone_or("Mars/Olympus", ZoneInfo("Europe/Paris")) == ZoneInfo("Europe/Paris")
    assert zone_or("../etc/passwd", ZoneInfo("Europe/Paris")) == ZoneInfo("Europe/Paris")
    assert zone_or("", ZoneInfo("Europe/Paris")) == ZoneInfo("Europe/Paris")
