"""A simulated organisation of 300 people, always the same for the same day: units, sites, zones, newcomers, a leaver.

Nothing of it is taken from real people; the rules are in `RULES` and are printed by the demo.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

PEOPLE = 300
NEWCOMERS = 14
SEED = 20_260
RULES = (
    "300 people in 12 units of 4 divisions, at 4 sites in 4 time zones; a third of a unit is away from its home site.",
    "Every unit meets weekly; 24 projects of 5-8 people, half of them across units, write to each other all week.",
    "Everybody writes to a few colleagues again and again, nine times in ten inside the unit or a project.",
    "14 newcomers came in the last 45 days; one person leaves in three weeks and has said so; a tenth has not joined.",
    "Asked about somebody, people say yes more often the more they share, and no, later or nothing otherwise.",
)
DIVISIONS = {
    "Engineering": ("Platform", "Controls", "Quality"),
    "Operations": ("Logistics", "Purchasing", "Plant"),
    "Research": ("Materials", "Methods", "Patents"),
    "Customers": ("Sales North", "Sales South", "Service"),
}
SITES = {
    "Hafen 4": ("Hamburg", "DE", "Europe/Berlin", "de"),
    "Rua do Sol": ("Lisbon", "PT", "Europe/Lisbon", "pt"),
    "King Street": ("Toronto", "CA", "America/Toronto", "fr"),
    "Harbour Front": ("Singapore", "SG", "Asia/Singapore", "zh"),
}
FIELDS = {
    "Platform": ("distributed systems", "security", "cost of ownership"),
    "Controls": ("embedded software", "safety cases", "sensors"),
    "Quality": ("statistics", "measurement", "safety cases"),
    "Logistics": ("forecasting", "cost of ownership", "customs"),
    "Purchasing": ("contracts", "steel markets", "forecasting"),
    "Plant": ("maintenance", "sensors", "shift planning"),
    "Materials": ("steel markets", "corrosion", "measurement"),
    "Methods": ("statistics", "forecasting", "simulation"),
    "Patents": ("contracts", "technical writing", "corrosion"),
    "Sales North": ("pricing", "customer training", "contracts"),
    "Sales South": ("pricing", "customer training", "customs"),
    "Service": ("maintenance", "customer training", "technical writing"),
}
TITLES = ("Engineer", "Senior Engineer", "Analyst", "Specialist", "Planner", "Coordinator")
SKILLS = ("negotiation", "Python", "failure analysis", "spreadsheets", "moderation", "drawing", "auditing", "teaching")
INTERESTS = ("chess", "choir", "cycling", "gardening", "photography", "rowing", "board games", "baking", "running")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN = _words(
    "Ada Amir Anouk Arjun Beatriz Bo Carla Chen Chidi Clara Dana Dario Elif Emil Esra Farah Finn Gita Hana Hugo Ines "
    "Ivo Jana Jonas Kaya Kenji Lena Lior Luca Maja Mateo Mei Mila Nadia Niko Noor Olga Omar Pia Priya Rafael Ravi "
    "Rosa Sami Sara Tariq Tessa Uma Vera Wei Yara Zoe"
)
FAMILY = _words(
    "Abara Albrecht Almeida Baptiste Berg Castro Cheng Costa Dahl Diaz Eriksen Fischer Fontaine Gomes Haddad Hansen "
    "Ibarra Ito Jansen Kaur Keller Khan Kim Kowalski Lam Lind Lopes Marin Mensah Moreau Nakamura Novak Okafor Olsen "
    "Park Pereira Petrov Quist Rahman Reyes Rossi Sato Schuster Silva Singh Tan Torres Vogel Weiss Wong Yilmaz Zhou"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One simulated person. `unit` is the path, `group` its last part; `since` the first day."""

    person_id: str
    name: str
    title: str
    unit: str
    group: str
    manager_id: str
    site: str
    city: str
    country: str
    zone: str
    languages: tuple[str, ...]
    fields: tuple[str, ...]
    skills: tuple[str, ...]
    interests: tuple[str, ...]
    since: date
    leaving_on: date | None
    joined: bool
    newcomer: bool

    @property
    def email(self) -> str:
        """An address in a domain that no mail reaches."""
        return f"{self.person_id}@example.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """The members in order, by id, and the projects as tuples of ids."""

    members: tuple[Member, ...]
    by_id: Mapping[str, Member]
    projects: tuple[tuple[str, ...], ...]
    today: date

    def __getitem__(self, person_id: str) -> Member:
        return self.by_id[person_id]

    @property
    def newcomers(self) -> tuple[Member, ...]:
        """Those who came last."""
        return tuple(member for member in self.members if member.newcomer)

    @property
    def leaver(self) -> Member:
        """The one who has announced their leaving."""
        return next(member for member in self.members if member.leaving_on is not None)

    @property
    def units(self) -> dict[str, tuple[str, ...]]:
        """The ids of each group's members."""
        groups: dict[str, list[str]] = {}
        for member in self.members:
            groups.setdefault(member.group, []).append(member.person_id)
        return {group: tuple(ids) for group, ids in groups.items()}


def simulate(today: date) -> Organisation:
    """The organisation as of `today`."""
    draw = random.Random(SEED)
    groups = [(division, group) for division, names in DIVISIONS.items() for group in names]
    sites = list(SITES)
    names = draw.sample([f"{given} {family}" for given in GIVEN for family in FAMILY], PEOPLE)
    newcomers = set(draw.sample(range(len(groups), PEOPLE), NEWCOMERS))
    leaver = draw.choice([number for number in range(len(groups), PEOPLE) if number not in newcomers])
    members = []
    for number, name in enumerate(names):
        division, group = groups[number % len(groups)]
        home = sites[(number % len(groups)) % len(sites)]
        site = home if draw.random() < 0.67 else draw.choice(sites)
        city, country, zone, language = SITES[site]
        newcomer = number in newcomers
        days = draw.randint(6, 45) if newcomer else draw.randint(200, 4000)
        head = number < len(groups)
        members.append(
            Member(
                person_id=name.lower().replace(" ", "."),
                name=name,
                title=f"Head of {group}" if head else draw.choice(TITLES),
                unit=f"{division}/{group}",
                group=group,
                manager_id="" if head else names[number % len(groups)].lower().replace(" ", "."),
                site=site,
                city=city,
                country=country,
                zone=zone,
                languages=("en", language) if draw.random() < 0.7 else ("en",),
                fields=tuple(draw.sample(FIELDS[group], 2)),
                skills=tuple(draw.sample(SKILLS, 2)),
                interests=tuple(draw.sample(INTERESTS, 2)) if draw.random() < 0.6 else (),
                since=today - timedelta(days=days),
                leaving_on=today + timedelta(days=21) if number == leaver else None,
                joined=newcomer or number == leaver or draw.random() < 0.9,
                newcomer=newcomer,
            )
        )
    return Organisation(
        members=tuple(members),
        by_id={member.person_id: member for member in members},
        projects=projects(members, draw),
        today=today,
    )


def projects(members: list[Member], draw: random.Random) -> tuple[tuple[str, ...], ...]:
    """24 projects of five to eight people, every second one across units; newcomers are in none yet."""
    settled = [member for member in members if not member.newcomer]
    found = []
    for number in range(24):
        size = draw.randint(5, 8)
        first = draw.choice(settled)
        pool = settled if number % 2 else [member for member in settled if member.group == first.group]
        found.append(tuple(member.person_id for member in draw.sample(pool, min(size, len(pool)))))
    return tuple(found)
