"""Nothing that is for matching only, or private, leaves to colleagues; over every field, whatever a person chooses."""

from __future__ import annotations

import pytest
from acquaint.options.v1 import options_pb2
from acquaint.profiles.v1.profile_pb2 import MEETING_FORMAT_NO_ALCOHOL, Profile, VisibilityChoice
from hypothesis import given

from services.profiles.domain.visibility import (
    ALWAYS_SHOWN,
    NEEDED_TO_SERVE,
    SHOWN_ONCE_ANNOUNCED,
    WIDEST,
    Visibility,
    effective,
    problem_with_choice,
)
from services.profiles.people.states import private_state, public_state
from services.profiles.people.views import DEFAULTS, FIELDS, for_colleagues, for_the_person
from tests.unit.profiles.any_profile import filled, profiles, stored


def fields_of(profile: Profile) -> set[str]:
    return {field.name for field, _ in profile.ListFields()}


def narrowest(profile: Profile, field: str) -> Visibility:
    """What the rules come to, told in another way: the default unless chosen, and never wider than the widest."""
    chosen = [Visibility(each.visibility) for each in profile.field_visibilities if each.field == field]
    if field in ALWAYS_SHOWN:
        return Visibility.COLLEAGUES
    if field in SHOWN_ONCE_ANNOUNCED:
        if not profile.leaving_announced:
            return Visibility.PRIVATE
        return chosen[0] if chosen else Visibility.COLLEAGUES
    return max([*(chosen or [DEFAULTS[field]]), WIDEST.get(field, Visibility.COLLEAGUES)])


@given(profile=profiles())
def test_colleagues_get_the_fields_meant_for_them_and_no_other(profile: Profile) -> None:
    person = stored(profile)
    for seen in (for_colleagues(person), public_state(person).message.profile):  # type: ignore[attr-defined]
        for field in FIELDS - ALWAYS_SHOWN:
            shown = field in fields_of(profile) and narrowest(profile, field) is Visibility.COLLEAGUES
            assert (field in fields_of(seen)) == shown, field
            if shown:
                assert getattr(seen, field) == getattr(profile, field)


@given(profile=profiles())
def test_the_private_state_has_what_is_for_matching_or_needed_to_serve(profile: Profile) -> None:
    state = private_state(stored(profile), {"z", "b"}).message
    seen = fields_of(state.profile)  # type: ignore[attr-defined]
    for field in FIELDS - {"version"}:
        given = narrowest(profile, field) is Visibility.MATCHING_ONLY or field in NEEDED_TO_SERVE
        assert (field in seen) == (given and field in fields_of(profile)), field
    assert list(state.boundary_person_ids) == ["b", "z"]  # type: ignore[attr-defined]


@given(profile=profiles())
def test_identities_and_the_choices_themselves_leave_to_nobody(profile: Profile) -> None:
    person = stored(profile)
    for message in (for_colleagues(person), public_state(person).message, private_state(person, ()).message):
        text = str(message)
        for field in ("identities", "field_visibilities", "side_projects", "create_time", "update_time"):
            assert f"{field} {{" not in text
            assert f"marker:{field}" not in text


@given(profile=profiles())
def test_the_person_gets_everything(profile: Profile) -> None:
    seen = for_the_person(stored(profile))
    for field in FIELDS - {"version", "etag", "create_time", "update_time"}:
        assert getattr(seen, field) == getattr(profile, field)
    assert (seen.version, seen.etag) == (9, "v9")


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_the_marker_of_each_field_stays_where_it_belongs(field: str) -> None:
    """The same over real bytes: a marker in each field, everything else empty."""
    profile = Profile()
    filled(profile, "marker:", only=frozenset({field}))
    person = stored(profile)
    public = public_state(person).message.SerializeToString()
    if DEFAULTS[field] is not Visibility.COLLEAGUES:
        assert b"marker" not in public
        assert b"marker" not in for_colleagues(person).SerializeToString()


def test_every_field_of_the_message_has_a_visibility() -> None:
    assert set(DEFAULTS) == {field.name for field in Profile.DESCRIPTOR.fields}
    assert set(WIDEST) | ALWAYS_SHOWN | SHOWN_ONCE_ANNOUNCED | NEEDED_TO_SERVE <= set(DEFAULTS)


def test_no_default_is_wider_than_the_widest_choice() -> None:
    assert all(DEFAULTS[field] >= widest for field, widest in WIDEST.items())


def test_a_leave_is_private_until_it_is_announced() -> None:
    profile = Profile(person_id="p1")
    profile.leaving_on.year = 2027
    profile.field_visibilities.append(
        VisibilityChoice(field="leaving_on", visibility=options_pb2.FIELD_VISIBILITY_COLLEAGUES)
    )
    assert not for_colleagues(stored(profile)).HasField("leaving_on")
    assert not private_state(stored(profile), ()).message.profile.HasField("leaving_on")  # type: ignore[attr-defined]
    profile.leaving_announced = True
    assert for_colleagues(stored(profile)).HasField("leaving_on")


def test_a_sensitive_wish_is_on_the_private_topic_alone() -> None:
    profile = Profile(person_id="p1")
    profile.availability.formats.append(MEETING_FORMAT_NO_ALCOHOL)
    person = stored(profile)
    assert not public_state(person).message.profile.HasField("availability")  # type: ignore[attr-defined]
    assert list(private_state(person, ()).message.profile.availability.formats) == [  # type: ignore[attr-defined]
        MEETING_FORMAT_NO_ALCOHOL
    ]


def test_what_colleagues_see_does_not_count_the_changes_they_do_not_see() -> None:
    seen = for_colleagues(stored(Profile(person_id="p1")))
    assert (seen.version, seen.etag) == (3, "")


@pytest.mark.parametrize("field", sorted(FIELDS))
@pytest.mark.parametrize("choice", list(Visibility))
def test_a_choice_is_refused_exactly_where_it_would_have_no_effect(field: str, choice: Visibility) -> None:
    refused = problem_with_choice(DEFAULTS, field, choice) is not None
    took_effect = effective(DEFAULTS, {field: choice}, leaving_announced=True)[field] is choice
    assert refused == (not took_effect or field in ALWAYS_SHOWN)


def test_a_choice_for_a_field_that_does_not_exist_is_refused() -> None:
    assert problem_with_choice(DEFAULTS, "nonsense", Visibility.PRIVATE) is not None
