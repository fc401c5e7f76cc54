"""A person's ties over the ninety days of each run, as a line each, told apart by dashes as well as by colour."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from services.cli.demo.futures import DAYS
from services.cli.demo.report.svg import element, number, picture, text, titled

WIDTH, HEIGHT = 760, 340
LEFT, RIGHT, TOP, BOTTOM = 46, 190, 20, 44
STYLES = (("#5b6770", "2 4"), ("#0b67a8", "8 4"), ("#c8480a", "none"))
Line = Sequence[tuple[date, int]]
Placing = Callable[[date, float], tuple[float, float]]


def draw(lines: Mapping[str, Line], meetings: Mapping[date, str], *, start: date, title: str, name: str) -> str:
    """The picture. `meetings` are marked on the last line: the day, and what to say of it."""
    top = max(value for line in lines.values() for _, value in line) + 1

    def place(day: date, value: float) -> tuple[float, float]:
        x = LEFT + (day - start).days / DAYS * (WIDTH - LEFT - RIGHT)
        return x, HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)

    shapes = [*_axes(top, start, place)]
    for (label, line), (colour, dashes), y in zip(lines.items(), STYLES, _ends(lines, place), strict=True):
        path = "".join(f"{'L' if index else 'M'}{_at(place(*point))}" for index, point in enumerate(line))
        shapes.append(element("path", d=path, fill="none", stroke=colour, stroke_width=2.4, stroke_dasharray=dashes))
        shapes.append(text(f"{label}: {line[-1][1]}", WIDTH - RIGHT + 8, y + 4, fill=colour, font_size=13))
    last = dict(list(lines.values())[-1])
    for day, what in meetings.items():
        known = max((each for each in last if each <= day), default=start)
        x, y = place(day, last[known])
        shapes.append(
            titled(element("circle", cx=x, cy=y, r=5, fill="#fff", stroke=STYLES[-1][0], stroke_width=2.4), what)
        )
    ends = ", ".join(f"{label}: from {line[0][1]} to {line[-1][1]} ties" for label, line in lines.items())
    return picture(shapes, box=(0, 0, WIDTH, HEIGHT), title=title, description=f"{ends}.", name=name)


def _at(point: tuple[float, float]) -> str:
    return f"{number(point[0])} {number(point[1])}"


def _ends(lines: Mapping[str, Line], place: Placing) -> Iterable[float]:
    """Where the labels at the right end stand, moved apart where lines end close to one another."""
    wanted = [(place(*line[-1])[1], index) for index, line in enumerate(lines.values())]
    found: dict[int, float] = {}
    below = 0.0
    for y, index in sorted(wanted):
        found[index] = max(y, below)
        below = found[index] + 17
    return [found[index] for index in range(len(wanted))]


def _axes(top: int, start: date, place: Placing) -> Iterable[str]:
    step = max(1, round(top / 5))
    for value in range(0, top + 1, step):
        x, y = place(start, value)
        yield element("path", d=f"M{LEFT} {number(y)}H{WIDTH - RIGHT}", stroke="#d5dbd8", stroke_width=1)
        yield text(str(value), LEFT - 8, y + 4, text_anchor="end", font_size=12, fill="#47525a")
    for offset in range(0, DAYS + 1, 15):
        x = LEFT + offset / DAYS * (WIDTH - LEFT - RIGHT)
        words = "today" if not offset else f"day {offset}"
        yield text(words, x, HEIGHT - BOTTOM + 20, text_anchor="middle", font_size=12, fill="#47525a")
    yield text("ties", LEFT + 4, TOP + 12, font_size=12, fill="#47525a")
