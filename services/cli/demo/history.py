"""What happened in the simulated organisation over half a year, in the order in which it happened.

The same rules go on into the future in `futures`, so that the two are comparable.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from services.cli.demo.organisation import Member, Organisation

DAYS = 182
SEED = 7
MEETING, MESSAGE, REVIEW, HELP = "meeting", "message", "review", "help"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One simulated interaction."""

    id: str
    kind: str
    at: datetime
    initiator: str
    participants: tuple[str, ...]
    context: str = ""

    @property
    def day(self) -> date:
        """The day on which it happened, UTC."""
        return self.at.date()


@dataclass(slots=True, kw_only=True)
class Habits:
    """Whom each person writes to, again and again: weights by colleague. Contacts make it more likely.

    Those whom somebody was introduced to are kept apart, so that runs with and without them use the same dice alike.
    """

    weights: dict[str, dict[str, float]] = field(default_factory=dict)
    introduced: dict[str, dict[str, float]] = field(default_factory=dict)

    def of(self, person: str) -> dict[str, float]:
        """The colleagues of a person and how much each draws."""
        return self.weights.setdefault(person, {})

    def copy(self) -> Habits:
        """The same habits, to be changed apart from these."""
        return Habits(
            weights={person: dict(own) for person, own in self.weights.items()},
            introduced={person: dict(own) for person, own in self.introduced.items()},
        )

    def strengthen(self, a: str, b: str, by: float) -> None:
        """Make both more likely to write to one another."""
        for one, other in ((a, b), (b, a)):
            met = self.introduced.get(one, {})
            own = met if other in met else self.of(one)
            own[other] = own.get(other, 0.0) + by

    def introduce(self, a: str, b: str, weight: float) -> None:
        """The two met because they were introduced."""
        for one, other in ((a, b), (b, a)):
            self.introduced.setdefault(one, {})[other] = weight

    def whom(self, person: str, there: Collection[str], draw: random.Random) -> str | None:
        """Whom a person writes to now, of those who are there; two numbers are drawn whoever it is."""
        near = [(other, weight) for other, weight in self.of(person).items() if other in there]
        new = [(other, weight) for other, weight in self.introduced.get(person, {}).items() if other in there]
        usual, other_than_usual = draw.random(), draw.random()
        if not near:
            return None
        total = sum(weight for _, weight in near)
        at = other_than_usual * (total + sum(weight for _, weight in new))
        return _at(at, new) or _at(usual * total, near) or near[-1][0]


def _at(at: float, weighted: list[tuple[str, float]]) -> str | None:
    """Whoever stands at a place on the line on which each takes as much room as their weight; None behind its end."""
    for other, weight in weighted:
        at -= weight
        if at < 0:
            return other
    return None


def habits_of(organisation: Organisation, draw: random.Random) -> Habits:
    """First habits: some of the own unit, all of the own projects, the manager a little."""
    habits = Habits()
    units = organisation.units
    for member in organisation.members:
        mates = [mate for mate in units[member.group] if mate != member.person_id]
        for mate in draw.sample(mates, 3 if member.newcomer else 7):
            habits.strengthen(member.person_id, mate, draw.choice((0.3, 0.6, 1.0)))
        if member.manager_id:
            habits.strengthen(member.person_id, member.manager_id, 0.3)
    for project in organisation.projects:
        for number, one in enumerate(project):
            for other in project[number + 1 :]:
                habits.strengthen(one, other, 0.8)
    return habits


def half_a_year(organisation: Organisation) -> tuple[Habits, list[Happening]]:
    """What happened until yesterday, and the habits it left."""
    draw = random.Random(SEED)
    habits = habits_of(organisation, draw)
    first = organisation.today - timedelta(days=DAYS)
    return habits, list(happenings(organisation, habits, first, DAYS, draw, "past"))


def present(member: Member, day: date) -> bool:
    """Whether somebody was there on a day."""
    return member.since <= day and (member.leaving_on is None or day <= member.leaving_on)


def moment(day: date, draw: random.Random) -> datetime:
    """A moment of a working day, UTC."""
    return datetime.combine(day, time(7), UTC) + timedelta(seconds=draw.randint(0, 10 * 3600))


def happenings(
    organisation: Organisation,
    habits: Habits,
    first: date,
    days: int,
    draw: random.Random,
    names: str,
    outside: float = 0.02,
) -> Iterator[Happening]:
    """What happens from `first` on for `days` days; ids begin with `names`. `outside`: chance of a stranger."""
    number = 0
    ids = [member.person_id for member in organisation.members]
    for offset in range(days):
        day = first + timedelta(days=offset)
        if day.weekday() >= 5:
            continue
        there = {member.person_id for member in organisation.members if present(member, day)}
        today: list[tuple[datetime, str, str, tuple[str, ...], str]] = []
        for index, (group, everybody) in enumerate(organisation.units.items()):
            team = [person for person in everybody if person in there]
            if index % 5 == day.weekday() and len(team) > 2:
                today.append(
                    (moment(day, draw), MEETING, team[0], tuple(team[1:]), f"weekly-{group.replace(' ', '-')}")
                )
        for index, project in enumerate(organisation.projects):
            team = [person for person in project if person in there]
            if len(team) > 1 and draw.random() < 0.5:
                sender = draw.choice(team)
                others = tuple(person for person in team if person != sender)
                today.append((moment(day, draw), MESSAGE, sender, others, f"project-{index}"))
        for person in ids:
            if person in there:
                today += messages(person, there, habits, draw, ids, day, outside)
        for at, kind, initiator, participants, context in sorted(today):
            number += 1
            yield Happening(
                id=f"{names}-{number}",
                kind=kind,
                at=at,
                initiator=initiator,
                participants=participants,
                context=context,
            )


def messages(
    person: str,
    there: Collection[str],
    habits: Habits,
    draw: random.Random,
    everybody: list[str],
    day: date,
    outside: float,
) -> Iterator[tuple[datetime, str, str, tuple[str, ...], str]]:
    """What one person writes to single colleagues on a day; whoever is written to is a little nearer afterwards."""
    for _ in range(draw.choice((0, 0, 1, 1, 2))):
        if draw.random() < outside:
            stranger = draw.choice(everybody)
            other = stranger if stranger != person and stranger in there else None
        else:
            other = habits.whom(person, there, draw)
        if other is None:
            continue
        kind = draw.choices((MESSAGE, REVIEW, HELP), (0.88, 0.08, 0.04))[0]
        habits.strengthen(person, other, 0.05)
        yield moment(day, draw), kind, person, (other,), ""
