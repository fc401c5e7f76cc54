"""Who may take part now: in the person's own zone, by their own wishes; a group only if everybody may."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.profiles.domain.participation import Participation, may_meet, may_take_part

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
WILLING = Participation(joined=True, time_zone="Europe/Berlin")
NAMES = ["a", "b", "c", "d", "e"]


def test_a_willing_person_may() -> None:
    assert may_take_part(WILLING, NOW)


@pytest.mark.parametrize(
    "unwilling",
    [
        replace(WILLING, joined=False),
        replace(WILLING, may_be_suggested=False),
        replace(WILLING, pause_until=NOW + timedelta(seconds=1)),
        replace(WILLING, leave=((date(2026, 3, 1), date(2026, 3, 2)),)),
        replace(WILLING, leave=((date(2026, 3, 2), date(2026, 3, 2)),)),
        replace(WILLING, last_day=date(2026, 3, 1)),
    ],
)
def test_whoever_does_not_want_or_is_away_may_not(unwilling: Participation) -> None:
    assert not may_take_part(unwilling, NOW)


def test_a_pause_ends_by_itself() -> None:
    paused = replace(WILLING, pause_until=NOW)
    assert may_take_part(paused, NOW)
    assert not may_take_part(paused, NOW - timedelta(microseconds=1))


def test_the_last_day_is_still_a_day() -> None:
    assert may_take_part(replace(WILLING, last_day=date(2026, 3, 2)), NOW)


def test_leave_begins_and_ends_at_the_persons_own_midnight() -> None:
    away = Participation(joined=True, time_zone="Pacific/Kiritimati", leave=((date(2026, 3, 3), date(2026, 3, 3)),))
    midnight = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)  # 14 hours ahead
    assert may_take_part(away, midnight - timedelta(seconds=1))
    assert not may_take_part(away, midnight)
    assert may_take_part(away, midnight + timedelta(days=1))


@given(
    group=st.lists(st.sampled_from(NAMES), min_size=2, max_size=5),
    there=st.frozensets(st.sampled_from(NAMES)),
    paused=st.frozensets(st.sampled_from(NAMES)),
    pairs=st.frozensets(st.frozensets(st.sampled_from(NAMES), min_size=2, max_size=2), max_size=3),
)
def test_a_group_meets_only_if_all_are_different_may_and_no_boundary_stands(
    group: list[str], there: frozenset[str], paused: frozenset[str], pairs: frozenset[frozenset[str]]
) -> None:
    people = {
        name: replace(WILLING, pause_until=NOW + timedelta(days=1)) if name in paused else WILLING for name in there
    }
    expected = (
        len(set(group)) == len(group) and set(group) <= there - paused and not any(pair <= set(group) for pair in pairs)
    )
    assert may_meet(group, people, pairs, NOW) == expected
    assert may_meet(group[::-1], people, pairs, NOW) == expected
