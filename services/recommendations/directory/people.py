"""Everybody with a live profile, in memory: of each state the highest version counts, and an erasure is final."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from acquaint.profiles.v1.profile_pb2 import Profile

from services.recommendations.directory import states
from services.recommendations.domain.people import Attributes, Person, Wishes

_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visible:
    version: int
    active: bool
    attributes: Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Private:
    version: int
    active: bool
    attributes: Attributes
    wishes: Wishes
    boundaries: frozenset[str]


class People:
    """The people whose profiles have arrived.

    `get` gives None alike for whoever is unknown, erased, or has no visible profile yet. `show`, `confide` and `erase`
    say whether they changed anything.
    """

    def __init__(self) -> None:
        self._visible: dict[str, _Visible] = {}
        self._private: dict[str, _Private] = {}
        self._erased: set[str] = set()
        self._people: dict[str, Person] = {}
        self._reports: dict[str, set[str]] = {}
        self._barred: dict[str, set[str]] = {}
        self._units: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._people)

    def __iter__(self) -> Iterator[Person]:
        return iter(list(self._people.values()))

    def get(self, person_id: str) -> Person | None:
        """The person, if live."""
        return self._people.get(person_id)

    def erased(self, person_id: str) -> bool:
        """Whether the person's last state has arrived."""
        return person_id in self._erased

    @property
    def erased_ids(self) -> frozenset[str]:
        """Everybody whose last state has arrived."""
        return frozenset(self._erased)

    def reports(self, person_id: str) -> frozenset[str]:
        """Those whose manager the person is."""
        return frozenset(self._reports.get(person_id, ()))

    def barred_by(self, person_id: str) -> frozenset[str]:
        """Those whose own state names a boundary with the person."""
        return frozenset(self._barred.get(person_id, ()))

    def of_unit(self, unit: str) -> frozenset[str]:
        """Everybody of one unit."""
        return frozenset(self._units.get(unit, ()))

    def show(self, person_id: str, version: int, profile: Profile) -> bool:
        """A state that colleagues may see; without effect unless its version is the highest yet."""
        known = self._visible.get(person_id)
        if person_id in self._erased or (known is not None and version <= known.version):
            return False
        self._visible[person_id] = _Visible(
            version=version, active=states.active(profile), attributes=states.attributes(profile)
        )
        self._update(person_id)
        return True

    def confide(self, person_id: str, version: int, profile: Profile, boundaries: frozenset[str]) -> bool:
        """A private state; without effect unless its version is the highest yet."""
        known = self._private.get(person_id)
        if person_id in self._erased or (known is not None and version <= known.version):
            return False
        self._private[person_id] = _Private(
            version=version,
            active=states.active(profile),
            attributes=states.attributes(profile),
            wishes=states.wishes(profile),
            boundaries=boundaries,
        )
        self._update(person_id)
        return True

    def erase(self, person_id: str) -> bool:
        """A person's last state, of either topic: no later version brings them back."""
        if person_id in self._erased:
            return False
        self._erased.add(person_id)
        self._visible.pop(person_id, None)
        self._private.pop(person_id, None)
        self._update(person_id)
        return True

    def _update(self, person_id: str) -> None:
        before = self._people.pop(person_id, None)
        after = self._combined(person_id)
        if after is not None:
            self._people[person_id] = after
        _move(self._reports, person_id, _managers(before), _managers(after))
        _move(self._units, person_id, _units(before), _units(after))
        _move(self._barred, person_id, before.boundaries if before else _NOBODY, after.boundaries if after else _NOBODY)

    def _combined(self, person_id: str) -> Person | None:
        visible, private = self._visible.get(person_id), self._private.get(person_id)
        if visible is None:
            return None
        if private is None:
            return Person(person_id=person_id, complete=False, active=visible.active, visible=visible.attributes)
        return Person(
            person_id=person_id,
            active=visible.active and private.active,
            visible=visible.attributes,
            matching=private.attributes,
            wishes=private.wishes,
            boundaries=private.boundaries,
        )


def _managers(person: Person | None) -> frozenset[str]:
    return frozenset({person.manager_id}) if person is not None and person.manager_id else _NOBODY


def _units(person: Person | None) -> frozenset[str]:
    return frozenset({person.unit}) if person is not None and person.unit else _NOBODY


def _move(index: dict[str, set[str]], person_id: str, before: frozenset[str], after: frozenset[str]) -> None:
    for key in before - after:
        index[key].discard(person_id)
        if not index[key]:
            del index[key]
    for key in after - before:
        index.setdefault(key, set()).add(person_id)
