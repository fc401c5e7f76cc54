"""Ninety days that might follow, three times by the same rules and the same chance: they differ in introductions only.

An introduced pair meets within two weeks four times in five; meeting makes them write to one another as a project
would, more where they share something. Everything else goes on as in `history`.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import networkx as nx

from services.cli.demo.history import Habits, Happening, happenings
from services.cli.demo.organisation import Member, Organisation

DAYS = 90
TIE_DAYS = 60
SEED = 4
Pair = tuple[str, str]


def pair(a: str, b: str) -> Pair:
    """Two people in a fixed order."""
    return (a, b) if a < b else (b, a)


def shared(a: Member, b: Member) -> int:
    """How many fields, skills and interests two people have in common."""
    return sum(len(set(one) & set(other)) for one, other in zip(_tastes(a), _tastes(b), strict=True))


def _tastes(member: Member) -> tuple[tuple[str, ...], ...]:
    return member.fields, member.skills, member.interests


def met(past: Collection[Happening]) -> set[Pair]:
    """Everybody who was ever in contact: initiator with each participant."""
    return {pair(event.initiator, other) for event in past for other in event.participants}


def random_pairs(organisation: Organisation, past: Collection[Happening], number: int) -> list[Pair]:
    """As many pairs of people who joined and never met, drawn at random."""
    draw = random.Random(SEED)
    known = met(past)
    joined = [member.person_id for member in organisation.members if member.joined]
    found: set[Pair] = set()
    while len(found) < number:
        a, b = draw.sample(joined, 2)
        if pair(a, b) not in known:
            found.add(pair(a, b))
    return sorted(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Future:
    """One run: its name, the introductions made, and what happened."""

    name: str
    introductions: tuple[Pair, ...]
    events: tuple[Happening, ...]

    def ties(self, until: date) -> nx.Graph:
        """Who wrote to or met one another in single contact at least twice in the sixty days before `until`."""
        counts: dict[Pair, int] = {}
        since = until - timedelta(days=TIE_DAYS)
        for event in self.events:
            if len(event.participants) == 1 and since <= event.at.date() <= until:
                key = pair(event.initiator, event.participants[0])
                counts[key] = counts.get(key, 0) + 1
        graph = nx.Graph()
        graph.add_edges_from(key for key, count in counts.items() if count >= 2)
        return graph


def run(
    name: str, organisation: Organisation, habits: Habits, past: Sequence[Happening], introductions: Sequence[Pair]
) -> Future:
    """The ninety days after the history, with these introductions."""
    draw = random.Random(SEED)
    own = copy.deepcopy(habits)
    start = organisation.today + timedelta(days=1)
    members = {member.person_id: member for member in organisation.members}
    chance = random.Random(SEED + 1)
    meetings: dict[int, list[Pair]] = {}
    for one, other in introductions:
        if chance.random() < 0.8:
            meetings.setdefault(chance.randint(1, 14), []).append((one, other))
    events = list(past)
    for day in range(DAYS):
        for one, other in meetings.get(day, ()):
            own.strengthen(one, other, 0.6 + 0.3 * shared(members[one], members[other]))
        today = start + timedelta(days=day)
        events += happenings(organisation, own, today, 1, draw, f"{name}-{day}", outside=0.02)
    return Future(name=name, introductions=tuple(introductions), events=tuple(events))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What a network is like on a day. Shares are of all ties, distances in steps."""

    ties: int
    across_units: int
    across_sites: int
    mean_distance: float
    newcomer_ties: float
    newcomer_reach: float


def measure(organisation: Organisation, graph: nx.Graph) -> Measures:
    """Measures of one network; `newcomer_reach`: people within two steps of a newcomer, on average."""
    members = {member.person_id: member for member in organisation.members}
    newcomers = [member.person_id for member in organisation.newcomers]
    largest = graph.subgraph(max(nx.connected_components(graph), key=len))
    within = [len(nx.single_source_shortest_path_length(graph, n, 2)) - 1 if n in graph else 0 for n in newcomers]
    return Measures(
        ties=graph.number_of_edges(),
        across_units=sum(members[a].group != members[b].group for a, b in graph.edges),
        across_sites=sum(members[a].site != members[b].site for a, b in graph.edges),
        mean_distance=nx.average_shortest_path_length(largest),
        newcomer_ties=sum(graph.degree(n) if n in graph else 0 for n in newcomers) / len(newcomers),
        newcomer_reach=sum(within) / len(within),
    )


def ties_over_time(future: Future, organisation: Organisation, person: str) -> list[tuple[date, int]]:
    """How many ties a person has, week by week over the ninety days."""
    days = [organisation.today + timedelta(days=offset) for offset in range(0, DAYS + 1, 7)]
    found = []
    for day in days:
        graph = future.ties(day)
        found.append((day, graph.degree(person) if person in graph else 0))
    return found
