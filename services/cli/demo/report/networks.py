"""The network as a picture: units as discs on a ring in the colours of their divisions, ties between them as arcs."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from functools import cache

from services.cli.demo.network import Network, Pair
from services.cli.demo.organisation import Organisation
from services.cli.demo.report.svg import element, number, picture, text

COLOURS = ("#0b67a8", "#0a7a55", "#7a4fa3", "#8a6512")
ACCENT = "#c8480a"
RING, SPACING, LABELS = 190.0, 8.0, 243.0
GOLDEN = math.pi * (3 - math.sqrt(5))
BOX = (-335, -264, 670, 530)
Point = tuple[float, float]


@cache
def _spot(index: int) -> Point:
    """Places in a disc, from the middle outwards (Vogel's sunflower, 1979)."""
    radius = SPACING * math.sqrt(index + 0.5)
    return radius * math.cos(index * GOLDEN), radius * math.sin(index * GOLDEN)


class Layout:
    """Where everybody stands: the same in every picture, newcomers at the rim of their unit."""

    def __init__(self, organisation: Organisation) -> None:
        self.organisation = organisation
        units = sorted(organisation.units, key=lambda group: self._division(group))
        divisions = list(dict.fromkeys(self._division(group) for group in units))
        self.angles = {group: 2 * math.pi * index / len(units) - math.pi / 2 for index, group in enumerate(units)}
        self.colours = {group: COLOURS[divisions.index(self._division(group)) % len(COLOURS)] for group in units}
        self.divisions = {division: COLOURS[index % len(COLOURS)] for index, division in enumerate(divisions)}
        self.places: dict[str, Point] = {}
        for group, people in organisation.units.items():
            x, y = self._centre(group, RING)
            for index, person in enumerate(sorted(people, key=lambda one: organisation[one].newcomer)):
                self.places[person] = (x + _spot(index)[0], y + _spot(index)[1])

    def _division(self, group: str) -> str:
        return self.organisation[self.organisation.units[group][0]].unit.partition("/")[0]

    def _centre(self, group: str, radius: float) -> Point:
        return radius * math.cos(self.angles[group]), radius * math.sin(self.angles[group])

    def labels(self) -> Iterable[str]:
        """The units' names around the ring."""
        for group, colour in self.colours.items():
            x, y = self._centre(group, LABELS)
            anchor = "middle" if abs(x) < 30 else "start" if x > 0 else "end"
            yield text(group, x, y + 5, text_anchor=anchor, fill=colour, font_size=15, font_weight=600)


def draw(layout: Layout, network: Network, introduced: Collection[Pair], *, title: str, name: str) -> str:
    """One network; ties of introduced pairs stand out."""
    people = layout.organisation
    inside: dict[str, list[str]] = {}
    across, new = [], []
    for a, b in sorted(network.ties):
        group = people[a].group
        if (a, b) in introduced:
            draw_as = _line if group == people[b].group else _arc
            new.append(draw_as(layout.places[a], layout.places[b]))
        elif group == people[b].group:
            inside.setdefault(group, []).append(_line(layout.places[a], layout.places[b]))
        else:
            across.append(_arc(layout.places[a], layout.places[b]))
    shapes = [
        element("path", d="".join(lines), stroke=layout.colours[group], stroke_width=0.7, opacity=0.35, fill="none")
        for group, lines in inside.items()
    ]
    shapes.append(element("path", d="".join(across), stroke="#47545c", stroke_width=0.8, opacity=0.38, fill="none"))
    shapes.append(element("path", d="".join(new), stroke=ACCENT, stroke_width=1.5, opacity=0.85, fill="none"))
    shapes += _dots(layout)
    shapes += layout.labels()
    description = (
        f"{len(network.ties)} ties between {len(people.members)} people in {len(people.units)} units, "
        f"{sum(people[a].group != people[b].group for a, b in network.ties)} of them across units; "
        f"{len(new)} ties are between people who were introduced."
    )
    return picture(shapes, box=BOX, title=title, description=description, name=name)


def _line(start: Point, end: Point) -> str:
    return f"M{number(start[0])} {number(start[1])}L{number(end[0])} {number(end[1])}"


def _arc(start: Point, end: Point) -> str:
    """A line drawn towards the middle of the ring, so that many of them stay readable."""
    x, y = 0.3 * (start[0] + end[0]) / 2, 0.3 * (start[1] + end[1]) / 2
    return f"M{number(start[0])} {number(start[1])}Q{number(x)} {number(y)} {number(end[0])} {number(end[1])}"


def _dots(layout: Layout) -> Iterable[str]:
    for group, everybody in layout.organisation.units.items():
        settled = [person for person in everybody if not layout.organisation[person].newcomer]
        dots = "".join(_dot(layout.places[person], 2.4) for person in settled)
        yield element("path", d=dots, fill=layout.colours[group])
        rest = "".join(_dot(layout.places[person], 4.2) for person in everybody if person not in settled)
        if rest:
            yield element("path", d=rest, fill="#ffffff", stroke=layout.colours[group], stroke_width=2.2)


def _dot(place: Point, radius: float) -> str:
    x, y, r = number(place[0] - radius), number(place[1]), number(radius)
    return f"M{x} {y}a{r} {r} 0 1 0 {number(2 * radius)} 0a{r} {r} 0 1 0 {number(-2 * radius)} 0"
