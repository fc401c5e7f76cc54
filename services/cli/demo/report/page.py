"""The page: the tale's figures and pictures put into the template. No script, nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from acquaint.recommendations.v1 import introduction_pb2
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from services.cli.demo import futures
from services.cli.demo.answering import ACCEPT, DECLINE, LATER, SILENCE, View
from services.cli.demo.network import Network, Pair
from services.cli.demo.organisation import RULES
from services.cli.demo.report import lines, networks
from services.cli.demo.tale import NONE, RANDOM, REAL, Tale, because
from services.cli.output import plain

RUNS = {NONE: "no introductions", RANDOM: "random introductions", REAL: "Acquaint's introductions"}
EXAMPLES = 8
WITHHELD = {"body", "html"}


def render(tale: Tale) -> str:
    """The whole report as HTML."""
    loader = PackageLoader("services.cli.demo.report", ".")
    environment = Environment(
        loader=loader, undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    question = tale.held.open_question
    facts: dict[str, Any] = {
        "tale": tale,
        "today": f"{tale.organisation.today:%-d %B %Y}",
        "written": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "tiles": tiles(tale),
        "pictures": pictures(tale),
        "divisions": networks.Layout(tale.organisation).divisions,
        "accent": networks.ACCENT,
        "runs": list(RUNS.values()),
        "measures": measures(tale),
        "days": Markup(days(tale)),
        "moments": tale.moments(),
        "question": question,
        "examples": examples(tale),
        "decline": decline(tale),
        "boundary": boundary(tale),
        "flow": flow(tale),
        "rules": RULES,
        "future_rules": futures.RULES,
    }
    return environment.get_template("page.html").render(facts)


def tiles(tale: Tale) -> list[tuple[str, str]]:
    """The figures at the top."""
    return [
        (f"{len(tale.organisation.members)}", "people, simulated"),
        (f"{tale.interactions:,}", "interactions recorded"),
        (f"{tale.held.invitations:,}", "invitations delivered"),
        (f"{len(tale.made):,}", "introductions both said yes to"),
        ("clean" if tale.verified["clean"] else "NOT CLEAN", "verify: nothing lost, nothing twice"),
    ]


def pictures(tale: Tale) -> list[tuple[str, Markup]]:
    """The networks with their captions."""
    layout = networks.Layout(tale.organisation)
    found: list[tuple[str, Network, Sequence[Pair], str]] = [("Today", tale.before, (), "today")]
    for number, (name, run) in enumerate(tale.runs.items()):
        found.append((f"After 90 days, {RUNS[name]}", run.network, run.future.introductions, f"after-{number}"))
    return [
        (title, Markup(networks.draw(layout, network, set(pairs), title=title, name=name)))
        for title, network, pairs, name in found
    ]


def measures(tale: Tale) -> list[tuple[str, list[str]]]:
    """The rows of the table of measures: today, then each run."""
    columns = [tale.before_measures, *(run.measures for run in tale.runs.values())]

    def row(name: str, digits: int, field: str) -> tuple[str, list[str]]:
        return name, [f"{getattr(column, field):,.{digits}f}" for column in columns]

    apart = ["–", "–", tale.across(RANDOM), tale.across(REAL)]
    lasting = ["–", "–", tale.lasting(RANDOM), tale.lasting(REAL)]
    return [
        row("Ties", 0, "ties"),
        row("Ties across units", 0, "across_units"),
        row("Ties across sites", 0, "across_sites"),
        row("Steps between two people, mean", 2, "mean_distance"),
        row("Ties of a newcomer, mean", 1, "newcomer_ties"),
        row("People within two steps of a newcomer", 1, "newcomer_reach"),
        ("Introductions across units", apart),
        ("Introduced pairs in touch", lasting),
    ]


def days(tale: Tale) -> str:
    """The newcomer's ties over time."""
    person = tale.newcomer
    series = {
        RUNS[name]: futures.ties_over_time(run.future, tale.organisation, person.person_id)
        for name, run in tale.runs.items()
    }
    marks: dict[date, str] = {}
    for (a, b), day in tale.runs[REAL].future.meetings.items():
        if person.person_id in (a, b):
            other = tale.name(b if a == person.person_id else a)
            marks[day] = f"{marks[day]}, {other}" if day in marks else f"first meeting: {other}"
    title = f"Ties of {person.name} over ninety simulated days"
    return lines.draw(series, marks, start=tale.organisation.today, title=title, name="days")


def examples(tale: Tale) -> list[tuple[str, str, str, str, str]]:
    """Some introductions: both names and places, and why."""
    return [
        (tale.name(a), tale.place(a), tale.name(b), tale.place(b), because(introduction.reasons))
        for (a, b), introduction in tale.examples(EXAMPLES)
    ]


def decline(tale: Tale) -> dict[str, Any]:
    """The decline, and what the other side saw of this introduction before and after."""
    shown = tale.decline
    introduction_id = shown.question.introduction.introduction_id
    return {
        "person": tale.name(shown.question.person_id),
        "other": tale.name(shown.question.other_id),
        "identical": shown.identical,
        "rows": [
            (name, before, after)
            for (name, before), (_, after) in zip(
                summed_up(shown.before, introduction_id), summed_up(shown.after, introduction_id), strict=True
            )
        ],
        "sides": [("Before", seen(shown.before, introduction_id)), ("After", seen(shown.after, introduction_id))],
    }


def summed_up(view: View, introduction_id: str) -> list[tuple[str, str]]:
    """What somebody sees of one introduction, in words."""
    introduction, question = view.introduction(introduction_id), view.question(introduction_id)
    own = {each.person_id: each.invitation for each in introduction.participants}
    others = {invitation for person, invitation in own.items() if person != view.person_id}
    return [
        ("the introduction", word(introduction_pb2.IntroductionState.Name(introduction.state))),
        ("the own answer", word(introduction_pb2.InvitationState.Name(own[view.person_id]))),
        ("the other one's answer", "not shown" if others == {0} else "shown"),
        ("expires", f"{introduction.expire_time.ToDatetime():%-d %B, %H:%M:%S} UTC"),
        ("its version for this reader", introduction.etag),
        ("in the inbox", question.title if question is not None else "nothing"),
        ("inbox entries in all", str(len(view.inbox))),
    ]


def word(name: str) -> str:
    """The last word of an enum value."""
    return name.rpartition("_")[2].lower()


def seen(view: View, introduction_id: str) -> str:
    """What somebody sees of one introduction, as plain data."""
    entries = [entry for entry in view.inbox if entry.introduction_id == introduction_id]
    data = {
        "introduction": plain(view.introduction(introduction_id)),
        "inbox": [{key: value for key, value in plain(entry).items() if key not in WITHHELD} for entry in entries],
    }
    return json.dumps(data, indent=1, ensure_ascii=False)


def boundary(tale: Tale) -> dict[str, Any]:
    """The boundary, and both lists before and after with the other one marked."""
    shown = tale.boundary

    def listed(ids: Sequence[str], other: str) -> list[tuple[str, bool]]:
        return [(tale.name(each), each == other) for each in ids]

    sides = [
        (tale.name(one), tale.name(other), listed(shown.before[at], other), listed(shown.after[at], other))
        for at, (one, other) in enumerate(((shown.person, shown.other), (shown.other, shown.person)))
    ]
    return {
        "person": tale.name(shown.person),
        "other": tale.name(shown.other),
        "sides": sides,
        "held": tale.boundary_held,
    }


def flow(tale: Tale) -> list[tuple[str, str]]:
    """The figures of the flow, in words."""
    recorded = tale.recorded
    answers = ((ACCEPT, "yes"), (DECLINE, "no"), (LATER, "later"), (SILENCE, "no answer"))
    return [
        ("Interactions recorded by gRPC in batches of 1,000", f"{recorded.per_second:,.0f} a second"),
        ("From the last answer to the whole graph being up to date", f"{recorded.catch_up:.2f} s"),
        (
            "From recording one interaction to suggestions that rest on it, median",
            f"{recorded.visible_median * 1000:.0f} ms",
        ),
        ("Proposals in the mode shadow, before the launch, about which nobody was asked", f"{tale.held.shadow:,}"),
        ("Invitations delivered", f"{tale.held.invitations:,}"),
        ("From a proposal to its invitation in the inbox, median", f"{tale.delivery_median() * 1000:.0f} ms"),
        ("Answers", ", ".join(f"{tale.count(answer)} {word}" for answer, word in answers)),
        ("Introductions both said yes to", f"{len(tale.made):,}"),
        *_held(tale.verified["held"]),
        ("Memory of broker, database and four services", f"{tale.memory / 1e6:,.0f} MB"),
    ]


def _held(held: Mapping[str, int]) -> list[tuple[str, str]]:
    if not held:  # verify could not come so far
        return []
    stores = ", ".join(f"{held[store]:,}" for store in ("documents", "journal", "topic", "graph"))
    messages = f"{held['messages']:,} and {held['notifications']:,}"
    return [
        ("Interactions held by documents, journal, topic and graph", stores),
        ("Messages handed over, and notifications made of them", messages),
    ]
