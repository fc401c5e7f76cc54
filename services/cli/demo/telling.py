"""The story in the terminal, in a few compact blocks."""

from __future__ import annotations

from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from services.cli.demo.answering import ACCEPT, DECLINE, LATER, SILENCE
from services.cli.demo.report.page import measures
from services.cli.demo.tale import Tale, because

EXAMPLES = 5


def tell(console: Console, tale: Tale) -> None:
    """Prints what happened."""
    console.print()
    console.print(introduced(tale))
    console.print()
    console.print(invitation(tale))
    console.print()
    console.print(promises(tale))
    console.print()
    console.print(after(tale))
    console.print()
    console.print(figures(tale))


def introduced(tale: Tale) -> Table:
    """Some of the introductions, and why."""
    title = f"Who was introduced to whom, and why ({EXAMPLES} of {len(tale.made)})"
    table = _table(title, "", "", "")
    for (a, b), introduction in tale.examples(EXAMPLES):
        people = [f"{escape(tale.name(each))}\n[dim]{escape(tale.place(each))}[/]" for each in (a, b)]
        table.add_row(*people, escape(because(introduction.reasons)))
    return table


def invitation(tale: Tale) -> Group:
    """What a newcomer's inbox holds."""
    title = f"[bold]Inbox of {escape(tale.newcomer.name)}[/], who came on {tale.newcomer.since:%-d %B}"
    parts: list[str | Panel] = [f"{title}: {len(tale.inbox)} messages, one waits for an answer"]
    if (question := tale.held.open_question) is not None:
        parts.append(
            Panel(
                escape(question.notification.body.rstrip()),
                title=f"[bold]{escape(question.notification.title)}[/]",
                title_align="left",
                width=86,
            )
        )
    return Group(*parts)


def promises(tale: Tale) -> Group:
    """The decline and the boundary."""
    no, wall = tale.decline, tale.boundary
    decline = "not a byte differs" if no.identical else "[red]IT DIFFERS[/]"
    boundary = "held in every round" if tale.boundary_held else "[red]BROKEN[/]"
    return Group(
        f"[bold]A decline nobody noticed:[/] {escape(tale.name(no.question.other_id))} had said yes, "
        f"{escape(tale.name(no.question.person_id))} said no. "
        f"What the first one sees, before and after: [green]{decline}[/].",
        f"[bold]A boundary that held:[/] {escape(tale.name(wall.person))} never wants to be matched with "
        f"{escape(tale.name(wall.other))}. Both are gone from each other's lists, nobody was told: "
        f"[green]{boundary}[/].",
    )


def after(tale: Tale) -> Table:
    """The three futures."""
    table = _table(
        "Ninety days on, simulated: without introductions, with random ones, with Acquaint's", "", "today", *tale.runs
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for name, cells in measures(tale):
        table.add_row(name, *cells)
    return table


def figures(tale: Tale) -> Table:
    """The figures of the flow."""
    recorded = tale.recorded
    table = _table("The flow", "", "")
    table.show_header = False
    answers = (
        f"{tale.count(ACCEPT)} yes, {tale.count(DECLINE)} no, {tale.count(LATER)} later, "
        f"{tale.count(SILENCE)} without an answer"
    )
    table.add_row("recorded", f"{tale.interactions:,} interactions, {recorded.per_second:,.0f} a second")
    table.add_row("visible", f"{recorded.visible_median * 1000:.0f} ms after recording (median)")
    table.add_row("caught up", f"{recorded.catch_up:.2f} s after the last of them was acknowledged")
    table.add_row("invitations", f"{tale.held.invitations:,}: {answers}, 1 left open for you")
    table.add_row("delivered", f"{tale.delivery_median() * 1000:.0f} ms after the proposal (median)")
    table.add_row("introductions", f"{len(tale.made)} to which both said yes")
    table.add_row("verify", "[green]clean[/]" if tale.verified["clean"] else "[red]NOT CLEAN[/]")
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=f"[bold]{title}[/]", title_justify="left", title_style="", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", header_style="dim")
    return table
