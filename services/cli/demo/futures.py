"""Ninety days that might follow, three times by the same rules and the same chance: they differ in introductions only.

An introduced pair meets within two weeks four times in five; meeting makes them write to one another as a project
would, more where they share something. Everything else goes on as in `history`.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.cli.demo.history import Habits, Happening, happenings
from services.cli.demo.network import TIE_DAYS, Network, Pair, pair, ties
from services.cli.demo.organisation import Member, Organisation

DAYS = 90
MEETING_CHANCE = 0.8
MEETING_DAYS = 14
SEED = 4
RULES = (
    "Four introduced pairs in five meet, within two weeks; the fifth never does.",
    "Having met, the two write to one another as members of a project do, more often the more they share.",
    "Everything else goes on as before, with the same dice in all three runs.",
    f"A tie is two contacts, just the two of them, within {TIE_DAYS} days.",
)


def shared(a: Member, b: Member) -> int:
    """How many fields, skills and interests two people have in common."""
    return sum(len(set(one) & set(other)) for one, other in zip(_tastes(a), _tastes(b), strict=True))


def _tastes(member: Member) -> tuple[tuple[str, ...], ...]:
    return member.fields, member.skills, member.interests


def met(past: Iterable[Happening]) -> set[Pair]:
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
    """One run: its name, the introductions made, the day on which each pair met if it did, and what happened."""

    name: str
    introductions: tuple[Pair, ...]
    meetings: Mapping[Pair, date]
    events: tuple[Happening, ...]

    def lasting(self, network: Network) -> int:
        """How many of the introduced pairs have a tie in a network of this run."""
        return len(network.ties & set(self.introductions))


def run(
    name: str, organisation: Organisation, habits: Habits, past: Sequence[Happening], introductions: Sequence[Pair]
) -> Future:
    """The ninety days after the history, with these introductions."""
    own = habits.copy()
    start = organisation.today + timedelta(days=1)
    meetings = first_meetings(introductions, start)
    draw = random.Random(SEED)
    events = [event for event in past if event.day > organisation.today - timedelta(days=TIE_DAYS)]
    for offset in range(DAYS):
        today = start + timedelta(days=offset)
        for (one, other), day in meetings.items():
            if day == today:
                own.introduce(one, other, 0.6 + 0.3 * shared(organisation[one], organisation[other]))
        events += happenings(organisation, own, today, 1, draw, f"future-{offset}")
    return Future(name=name, introductions=tuple(introductions), meetings=meetings, events=tuple(events))


def first_meetings(introductions: Sequence[Pair], start: date) -> dict[Pair, date]:
    """The days on which introduced pairs meet; some never do."""
    chance = random.Random(SEED + 1)
    found = {}
    for introduced in introductions:
        meets, after = chance.random() < MEETING_CHANCE, chance.randint(0, MEETING_DAYS - 1)
        if meets:
            found[introduced] = start + timedelta(days=after)
    return found


def ties_over_time(future: Future, organisation: Organisation, person: str) -> list[tuple[date, int]]:
    """How many ties a person has, every third day over the ninety days."""
    own = [event for event in future.events if person == event.initiator or person in event.participants]
    days = [organisation.today + timedelta(days=offset) for offset in range(0, DAYS + 1, 3)]
    return [(day, ties(own, day).degree(person)) for day in days]
