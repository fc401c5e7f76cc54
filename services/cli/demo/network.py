"""A network of ties on one day, and what it is like: how much of it goes across units and sites, how far people are.

Small and exact: breadth-first search from everybody (a few hundred people).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from services.cli.demo.history import Happening
from services.cli.demo.organisation import Organisation

TIE_DAYS = 60
TIE_CONTACTS = 2
Pair = tuple[str, str]


def pair(a: str, b: str) -> Pair:
    """Two people in a fixed order."""
    return (a, b) if a < b else (b, a)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Who has a tie with whom."""

    ties: frozenset[Pair]
    neighbours: Mapping[str, frozenset[str]] = field(repr=False)

    @classmethod
    def of(cls, ties: Iterable[Pair]) -> Network:
        """The network of these ties."""
        found: dict[str, set[str]] = {}
        own = frozenset(ties)
        for a, b in own:
            found.setdefault(a, set()).add(b)
            found.setdefault(b, set()).add(a)
        return cls(ties=own, neighbours={person: frozenset(others) for person, others in found.items()})

    def degree(self, person: str) -> int:
        """How many ties a person has."""
        return len(self.neighbours.get(person, ()))

    def steps(self, person: str) -> list[int]:
        """How many people are one, two, three ... steps away."""
        seen = {person}
        edge = {person}
        found = []
        while edge := {other for each in edge for other in self.neighbours.get(each, ())} - seen:
            seen |= edge
            found.append(len(edge))
        return found


def ties(events: Iterable[Happening], until: date) -> Network:
    """Who wrote to or met one another alone at least twice in the sixty days before `until`."""
    counts: dict[Pair, int] = {}
    since = until - timedelta(days=TIE_DAYS)
    for event in events:
        if len(event.participants) == 1 and since < event.day <= until:
            key = pair(event.initiator, event.participants[0])
            counts[key] = counts.get(key, 0) + 1
    return Network.of(key for key, count in counts.items() if count >= TIE_CONTACTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What a network is like on a day. Distances in steps; `newcomer_reach`: people within two steps, on average."""

    ties: int
    across_units: int
    across_sites: int
    mean_distance: float
    newcomer_ties: float
    newcomer_reach: float


def measure(organisation: Organisation, network: Network) -> Measures:
    """The measures of one network; distances over the pairs that are connected at all."""
    newcomers = [member.person_id for member in organisation.newcomers]
    pairs = distance = 0
    for person in network.neighbours:
        for away, number in enumerate(network.steps(person), 1):
            pairs += number
            distance += away * number
    return Measures(
        ties=len(network.ties),
        across_units=sum(organisation[a].group != organisation[b].group for a, b in network.ties),
        across_sites=sum(organisation[a].site != organisation[b].site for a, b in network.ties),
        mean_distance=distance / pairs if pairs else 0.0,
        newcomer_ties=sum(network.degree(each) for each in newcomers) / len(newcomers),
        newcomer_reach=sum(sum(network.steps(each)[:2]) for each in newcomers) / len(newcomers),
    )
