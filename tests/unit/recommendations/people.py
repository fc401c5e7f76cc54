"""People as tests make them: plain ones, and any that hypothesis thinks of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from acquaint.profiles.v1.profile_pb2 import Profile
from hypothesis import strategies as st

from services.recommendations.directory.people import People
from services.recommendations.domain.people import Attributes, Cadence, Person, Wishes

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
VALUES = ("Go", "go ", "Chess", "Law", "{0}", "Bread")
UNITS = ("", "Acme", "Acme/Sales", "Acme/Sales/North", "Acme/Law", "Beta")


def person(person_id: str, *, wishes: dict[str, Any] | None = None, **visible: Any) -> Person:
    """Somebody who joined; keyword arguments are what colleagues may see."""
    return Person(
        person_id=person_id,
        visible=Attributes(**visible),
        wishes=Wishes(joined=True, informed=True, **(wishes or {})),
    )


def enter(people: People, *profiles: Profile, boundaries: dict[str, set[str]] | None = None, version: int = 1) -> None:
    """Lets the states of people who joined arrive."""
    for profile in profiles:
        private = Profile(person_id=profile.person_id, availability=profile.availability, time_zone=profile.time_zone)
        private.joining.CopyFrom(profile.joining)
        if not profile.HasField("joining"):
            private.joining.joined = True
            private.joining.informed_at.FromDatetime(NOW)
        people.show(profile.person_id, version, profile)
        bounded = frozenset((boundaries or {}).get(profile.person_id, ()))
        people.confide(profile.person_id, version, private, bounded)


def _several(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=3, unique=True).map(tuple)


ATTRIBUTES = st.builds(
    Attributes,
    unit=st.sampled_from(UNITS),
    site=st.sampled_from(("", "HQ", "hq", "Dock")),
    city=st.sampled_from(("", "Paris", "Oslo")),
    country=st.sampled_from(("", "FR", "NO")),
    languages=_several(("en", "fr")),
    fields=_several(VALUES),
    skills=_several(VALUES),
    offers=_several(VALUES),
    wants=_several(VALUES),
    interests=_several(VALUES),
    past_units=_several(UNITS[1:]),
)
WISHES = st.builds(
    Wishes,
    joined=st.booleans(),
    informed=st.booleans(),
    may_be_suggested=st.booleans(),
    opted_out=st.sampled_from((frozenset(), frozenset({"peer"}), frozenset({"mentor"}))),
    cadence=st.sampled_from(Cadence),
    monthly_cap=st.integers(0, 5),
    pause_until=st.sampled_from((None, NOW - timedelta(days=1), NOW + timedelta(days=1))),
    away=st.sampled_from(((), ((NOW - timedelta(days=2), NOW + timedelta(days=2)),))),
)


def anybody(person_id: str) -> st.SearchStrategy[Person]:
    """Any person of this id."""
    return st.builds(
        Person,
        person_id=st.just(person_id),
        complete=st.just(True),
        active=st.booleans(),
        visible=ATTRIBUTES,
        matching=ATTRIBUTES,
        wishes=WISHES,
        boundaries=st.just(frozenset()),
    )
