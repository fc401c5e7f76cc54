"""The command: a fresh stack, an organisation in it, introductions made and answered, the story told, a report."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from services.cli.connection import StackAddress, clients
from services.cli.demo import ending, futures, ground, loading, proving, report, telling
from services.cli.demo.answering import ACCEPT, DECLINE, LATER, SILENCE
from services.cli.demo.history import half_a_year
from services.cli.demo.network import measure, ties
from services.cli.demo.organisation import RULES, simulate
from services.cli.demo.rounds import Rounds, hold_rounds
from services.cli.demo.steps import Steps
from services.cli.demo.tale import Tale, what_follows
from services.cli.output import AsJson, CommandFailed, DataDir, print_json, run
from services.cli.verify.command import check
from services.devstack.state import read_state
from services.platform.consumer import PositionLost
from services.platform.errors import DependencyUnavailable

app = typer.Typer()
REPORT = "report.html"
VERIFY_SECONDS = 30.0


async def live(data_dir: Path, steps: Steps) -> Tale:
    """Everything that happens on the stack, and the three futures. Raises CommandFailed, AioRpcError."""
    organisation = simulate(datetime.now(UTC).date())
    with steps.step("the stack starts: broker, database, four services"):
        address = await ground.start(data_dir, steps.say)
    with steps.step("half a year is simulated") as step:
        habits, past = await asyncio.to_thread(half_a_year, organisation)
        step.detail = f"{len(past):,} interactions"
    async with clients(address) as stubs:
        with steps.step("people are imported by gRPC", total=len(organisation.members)) as step:
            joined = await loading.import_people(stubs, organisation, step.advance)
            step.detail = f"{len(organisation.members)}, of whom {joined} joined after a notice"
        with steps.step("interactions are recorded by gRPC", total=len(past)) as step:
            await loading.register_sources(stubs)
            recorded = await loading.record_history(stubs, past, step.advance)
            step.detail = f"{recorded.per_second:,.0f} a second, {recorded.catch_up:.2f} s later all in the graph"
        with steps.step("somebody sets a boundary") as step:
            boundary = await proving.show_boundary(stubs, organisation)
            step.detail = "two people are gone from each other's suggestions"
        held = await hold_rounds(stubs, organisation, steps)
    with steps.step("ninety days are simulated, three times"):
        before = await asyncio.to_thread(ties, past, organisation.today)
        runs = await asyncio.to_thread(what_follows, organisation, habits, past, list(held.made))
    if held.decline is None:
        raise CommandFailed("nobody was asked anything")
    state = read_state(data_dir)
    return Tale(
        organisation=organisation,
        joined=joined,
        recorded=recorded,
        interactions=len(past),
        boundary=boundary,
        held=held,
        decline=held.decline,
        verified=await verified(address, steps),
        before=before,
        before_measures=measure(organisation, before),
        runs=runs,
        memory=state.memory() if state is not None else 0,
    )


async def verified(address: StackAddress, steps: Steps) -> dict[str, Any]:
    """What `acquaint verify` finds; what cannot be read is a difference."""
    with steps.step("verify: documents, journal, topic, graph and messages are compared") as step:
        try:
            found = await check(address, VERIFY_SECONDS)
        except (TimeoutError, DependencyUnavailable, PositionLost) as error:
            unread = {"what": "verify", "found": f"cannot be read: {error}"}
            found = {"clean": False, "held": {}, "differences": [unread], "seconds": VERIFY_SECONDS}
        step.detail = "clean" if found["clean"] else f"{len(found['differences'])} differences"
        return found


def summary(tale: Tale, path: Path, data_dir: Path, seconds: float, stopped: bool) -> dict[str, Any]:
    """The demo in figures, as plain data."""
    held: Rounds = tale.held
    return {
        "ok": tale.clean,
        "verify": tale.verified,
        "people": len(tale.organisation.members),
        "joined": tale.joined,
        "interactions": tale.interactions,
        "interactions_per_second": round(tale.recorded.per_second, 1),
        "catch_up_seconds": round(tale.recorded.catch_up, 3),
        "visible_median_seconds": round(tale.recorded.visible_median, 4),
        "shadow_proposals": held.shadow,
        "invitations": held.invitations,
        "answers": {answer: tale.count(answer) for answer in (ACCEPT, DECLINE, LATER, SILENCE)},
        "introductions": len(tale.made),
        "decline_unnoticed": tale.decline.identical,
        "boundary_held": tale.boundary_held,
        "newcomer": tale.newcomer.person_id,
        "report": str(path),
        "data_dir": str(data_dir),
        "stopped": stopped,
        "seconds": round(seconds, 1),
    }


def write_report(tale: Tale, data_dir: Path) -> Path:
    """Writes the report and returns its path."""
    path = data_dir / REPORT
    path.write_text(report.render(tale), encoding="utf-8")
    return path


async def demonstrate(data_dir: Path, console: Console, stop: bool) -> dict[str, Any]:
    """The whole demo. The stack is stopped at the end if so wished, and whenever something failed."""
    began = time.monotonic()
    console.print("[bold]Acquaint[/]: a simulated organisation, a real stack\n\n[bold]Its rules[/]")
    for rule in (*RULES, *futures.RULES):
        console.print(f"  · {escape(rule)}", soft_wrap=True)
    console.print()
    leave = False
    try:
        tale = await live(data_dir, Steps(console=console))
        telling.tell(console, tale)
        path = await asyncio.to_thread(write_report, tale, data_dir)
        console.print(f"\n[bold]Report with pictures:[/] {escape(str(path))}", soft_wrap=True)
        seconds = time.monotonic() - began
        state = read_state(data_dir)
        leave = tale.clean and not stop and state is not None
        if leave and state is not None:
            ending.say(console, tale, state, data_dir)
    finally:
        if not leave and not ground.foreign(data_dir):
            await ground.stop(data_dir)
    console.print(f"\n[dim]{seconds:.0f} s{'' if leave else '; the stack is stopped'}[/]")
    return summary(tale, path, data_dir, seconds, not leave)


@app.command()
def demo(
    data_dir: DataDir = None,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the stack at the end, as in a pipe or CI.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the whole job on a simulated organisation: introductions with reasons, a report with pictures."""
    console = Console(stderr=as_json, highlight=False)
    ends = stop or not sys.stdout.isatty() or "CI" in os.environ
    found = run(demonstrate(ground.directory(data_dir), console, ends))
    if as_json:
        print_json(found)
    raise typer.Exit(0 if found["ok"] else 1)
