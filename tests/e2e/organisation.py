"""A small organisation as files: people of three units, and mails that follow the units, with newcomers among them."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from pathlib import Path

UNITS = ("Ops/Purchasing", "Research/Materials", "Sales/North")
FIELDS = ("logistics", "steel", "statistics", "pricing", "safety")


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What was written: people as CSV, mails as t,src,dst, labels as node,group; and how many rows and mails."""

    people: Path
    events: Path
    labels: Path
    rows: int
    mails: int
    ids: tuple[str, ...]


def write(directory: Path, *, people: int = 60, mails: int = 3000, seed: int = 5) -> Files:
    """Always the same files for the same arguments."""
    draw = random.Random(seed)
    ids = tuple(f"p{number:03}" for number in range(people))
    unit = {person: UNITS[number % len(UNITS)] for number, person in enumerate(ids)}
    with (directory / "people.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["person_id", "name", "title", "unit", "site", "city", "time_zone", "fields", "email"])
        for person in ids:
            fields = ";".join(draw.sample(FIELDS, 2))
            row = [person, f"Name {person}", "Engineer", unit[person], "Quay 1", "Oslo", "Europe/Oslo", fields]
            writer.writerow([*row, f"{person}@example.org"])
    mates = {person: [other for other in ids if other != person and unit[other] == unit[person]] for person in ids}
    rows, time = 0, 0
    with (directory / "events.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["t", "src", "dst"])
        for _ in range(mails):
            time += draw.randint(60, 3600)
            sender = draw.choice(ids)
            pool = mates[sender] if draw.random() < 0.85 else [other for other in ids if other != sender]
            for receiver in draw.sample(pool, min(len(pool), draw.choice([1, 1, 2, 3, 5]))):
                writer.writerow([time, sender, receiver])
                rows += 1
    with (directory / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["node", "group"])
        writer.writerows(unit.items())
    return Files(
        people=directory / "people.csv",
        events=directory / "events.csv",
        labels=directory / "labels.csv",
        rows=rows,
        mails=mails,
        ids=ids,
    )
