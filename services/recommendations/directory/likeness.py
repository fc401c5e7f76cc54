"""How alike two profiles are, from what they share and how rare it is: the evidence for people without a history.

Matching-only fields count here and are shown nowhere. Sensitive wishes are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log

import numpy as np
from numpy.typing import NDArray

from services.recommendations.domain.people import Attributes, Person

# What more than this share of people have says nothing about two of them, and costs the most to look up.
COMMON_SHARE = 0.2
COMMON_MINIMUM = 1000


class Likeness:
    """Who has which trait, by dense id, and for one person all people who share a trait with them."""

    def __init__(self) -> None:
        self._holders: dict[str, set[int]] = {}
        self._arrays: dict[str, NDArray[np.int32]] = {}
        self._traits: dict[int, frozenset[str]] = {}

    def put(self, index: int, person: Person | None) -> None:
        """Notes what a person has; None forgets them."""
        new = frozenset() if person is None else frozenset(_traits(person))
        old = self._traits.get(index, frozenset())
        for trait in old - new:
            self._holders[trait].discard(index)
            self._arrays.pop(trait, None)
        for trait in new - old:
            self._holders.setdefault(trait, set()).add(index)
            self._arrays.pop(trait, None)
        if new:
            self._traits[index] = new
        else:
            self._traits.pop(index, None)

    def alike(self, person: Person) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Dense ids of all who share a trait with `person`, themselves included, and how alike: 0 to 1.

        The share of the person's traits, each weighted by log(1 + people / holders). Equal whatever the dense ids are.
        """
        people = max(len(self._traits), 1)
        found: list[NDArray[np.int32]] = []
        weights: list[float] = []
        for trait in sorted(set(_sought(person))):
            holders = self._holders.get(trait)
            if not holders or len(holders) > max(COMMON_MINIMUM, people * COMMON_SHARE):
                continue
            found.append(self._array(trait, holders))
            weights.append(log(1 + people / len(holders)))
        if not found:
            return np.empty(0, np.int32), np.empty(0, np.float64)
        each = np.repeat(np.array(weights), [len(holders) for holders in found])
        indices, where = np.unique(np.concatenate(found), return_inverse=True)
        return indices.astype(np.int32), np.minimum(np.bincount(where, weights=each) / sum(weights), 1.0)

    def _array(self, trait: str, holders: set[int]) -> NDArray[np.int32]:
        array = self._arrays.get(trait)
        if array is None:
            array = self._arrays[trait] = np.fromiter(holders, np.int32, len(holders))
        return array


def _traits(person: Person) -> Iterator[str]:
    for attributes in (person.visible, person.matching):
        yield from _described(attributes)


def _sought(person: Person) -> Iterator[str]:
    """The person's own traits, and offers of others that meet what the person wants."""
    yield from _traits(person)
    for attributes in (person.visible, person.matching):
        for want in attributes.wants:
            yield f"offer:{normal(want)}"
            yield f"skill:{normal(want)}"


def _described(attributes: Attributes) -> Iterator[str]:
    for name, values in (
        ("field", attributes.fields),
        ("skill", attributes.skills),
        ("offer", attributes.offers),
        ("interest", attributes.interests),
        ("past", attributes.past_units),
    ):
        for value in values:
            yield f"{name}:{normal(value)}"
    if attributes.unit:
        yield f"unit:{attributes.unit}"
    if attributes.site:
        yield f"site:{normal(attributes.site)}"


def normal(value: str) -> str:
    """The form in which two spellings of a value are the same."""
    return " ".join(value.casefold().split())
