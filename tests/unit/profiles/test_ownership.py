"""Feeds and people change different fields: for every field it is clear whose it is."""

from __future__ import annotations

from typing import Any

import pytest
from acquaint.profiles.v1.profile_pb2 import Profile
from hypothesis import given
from hypothesis import strategies as st

from services.platform.errors import ServiceError
from services.profiles.domain.ownership import HR_FIELDS, SET_BY_THE_SERVICE, SHARED, Ownership
from services.profiles.people.importing import normalise, upsert
from services.profiles.people.views import FIELDS
from services.profiles.store import Erased, Person
from tests.unit.profiles.any_profile import filled, stored

BY_DEFAULT = Ownership(feeds={"hr": HR_FIELDS})
fields = st.sampled_from(sorted(FIELDS))


@given(feeds=st.dictionaries(st.sampled_from(["hr", "directory"]), st.frozensets(fields)), field=fields)
def test_a_field_is_a_feeds_or_the_persons_and_only_an_announcement_is_both(
    feeds: dict[str, frozenset[str]], field: str
) -> None:
    ownership = Ownership(feeds=feeds)
    of_feeds = any(field in ownership.of_feed(source) for source in feeds)
    of_person = ownership.person_may_change(field)
    if field in SET_BY_THE_SERVICE:
        assert not of_feeds
        assert not of_person
    elif field in SHARED:
        assert of_person
    else:
        assert of_feeds != of_person


def test_a_feed_that_is_not_listed_owns_nothing() -> None:
    assert BY_DEFAULT.of_feed("payroll") == frozenset()


def test_by_default_hr_owns_what_hr_knows() -> None:
    assert HR_FIELDS <= FIELDS
    assert not BY_DEFAULT.person_may_change("title")
    assert BY_DEFAULT.person_may_change("skills")
    assert BY_DEFAULT.person_may_change("leaving_announced")


def sound(**changes: Any) -> Profile:
    profile = Profile(person_id="p1", name="Ann", title="Tester", skills=["go"], **changes)
    profile.joined_on.year, profile.joined_on.month, profile.joined_on.day = 2020, 1, 31
    return profile


@given(changed=st.frozensets(st.sampled_from(["name", "title", "unit", "skills", "interests", "time_zone", "place"])))
def test_a_feed_changes_exactly_the_owned_fields_of_a_person_who_exists(changed: frozenset[str]) -> None:
    values = {
        "name": "Bea",
        "title": "Lead",
        "unit": "ops",
        "skills": ["rust"],
        "interests": ["go"],
        "time_zone": "UTC",
    }
    incoming = Profile(person_id="p1", **{name: values[name] for name in changed if name in values})
    if "place" in changed:
        incoming.place.city = "Rome"
    before = sound()
    normalise(before)
    after = upsert(incoming, (), "hr", BY_DEFAULT).change(stored(before))
    for name in FIELDS:
        origin = incoming if name in changed & HR_FIELDS else before
        assert getattr(after, name) == getattr(origin, name)


def test_a_feed_fills_in_everything_about_somebody_new_but_what_the_service_sets() -> None:
    incoming = sound(etag="v7", version=7)
    incoming.joining.joined = True
    created = upsert(incoming, (), "payroll", BY_DEFAULT).change(None)
    assert (list(created.skills), created.etag, created.version) == (["go"], "", 0)
    assert not created.joining.joined


def test_an_import_repeated_is_no_change() -> None:
    edit = upsert(sound(), (), "hr", BY_DEFAULT)
    created = edit.change(None)
    assert edit.change(stored(created)) == created


def test_nothing_is_taken_about_an_erased_person() -> None:
    with pytest.raises(ServiceError):
        upsert(sound(), (), "hr", BY_DEFAULT).change(Erased(person_id="p1", version=3))


def test_the_person_as_stored_is_never_changed_in_place() -> None:
    profile = Profile()
    filled(profile, "", only=frozenset({"name", "title"}))
    person: Person = stored(profile)
    before = person.profile.SerializeToString(deterministic=True)
    upsert(sound(), (), "hr", BY_DEFAULT).change(person)
    assert person.profile.SerializeToString(deterministic=True) == before
