"""A mask carries over exactly the fields it names."""

from __future__ import annotations

import pytest
from acquaint.profiles.v1.profile_pb2 import Availability, Place, Profile
from hypothesis import given
from hypothesis import strategies as st

from services.profiles.people import masks
from services.profiles.people.views import FIELDS
from tests.unit.profiles.any_profile import profiles


def copy(profile: Profile) -> Profile:
    found = Profile()
    found.CopyFrom(profile)
    return found


@given(target=profiles(), source=profiles(), names=st.frozensets(st.sampled_from(sorted(FIELDS))))
def test_named_fields_become_the_sources_and_all_others_stay(
    target: Profile, source: Profile, names: frozenset[str]
) -> None:
    merged = copy(target)
    for name in names:
        masks.assign(merged, source, (name,))
    for name in FIELDS:
        origin = source if name in names else target
        assert getattr(merged, name) == getattr(origin, name)
        if Profile.DESCRIPTOR.fields_by_name[name].has_presence:
            assert merged.HasField(name) == origin.HasField(name)  # type: ignore[arg-type]


@given(target=profiles(), source=profiles())
def test_what_is_set_is_what_is_named_without_a_mask(target: Profile, source: Profile) -> None:
    merged = copy(target)
    for path in masks.named_in(source):
        masks.assign(merged, source, path)
    expected = copy(target)
    for field, _ in source.ListFields():
        expected.ClearField(field.name)  # type: ignore[arg-type]
    expected.MergeFrom(source)
    assert merged == expected


@given(profile=profiles())
def test_carrying_a_profile_over_itself_changes_nothing(profile: Profile) -> None:
    merged = copy(profile)
    for name in FIELDS:
        masks.assign(merged, profile, (name,))
    assert merged == profile


def test_a_nested_path_leaves_its_neighbours() -> None:
    target = Profile(place=Place(city="Rome", country="IT"))
    masks.assign(target, Profile(place=Place(city="Milan")), ("place", "city"))
    assert target.place == Place(city="Milan", country="IT")


def test_a_nested_path_that_is_not_set_clears_its_field_alone() -> None:
    target = Profile(availability=Availability(monthly_cap=3, monthly_minutes=9))
    masks.assign(target, Profile(), ("availability", "monthly_cap"))
    assert target.availability == Availability(monthly_minutes=9)
    assert not target.availability.HasField("monthly_cap")


def test_a_nested_path_of_what_neither_has_makes_nothing() -> None:
    target = Profile()
    masks.assign(target, Profile(), ("place", "city"))
    assert not target.HasField("place")


def test_zero_and_absent_are_told_apart_where_the_field_can() -> None:
    target = Profile()
    masks.assign(target, Profile(availability=Availability(monthly_cap=0)), ("availability", "monthly_cap"))
    assert target.availability.HasField("monthly_cap")


@pytest.mark.parametrize("path", ["name", "place", "place.city", "availability.pause_until", "joined_on.year"])
def test_a_path_of_the_message_is_accepted(path: str) -> None:
    assert masks.problem_with(tuple(path.split("."))) is None


@pytest.mark.parametrize(
    "path", ["", "nonsense", "place.planet", "skills.first", "name.first", "identities.id", "place."]
)
def test_any_other_path_is_refused(path: str) -> None:
    assert masks.problem_with(tuple(path.split("."))) is not None
