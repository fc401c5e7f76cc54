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

from services.cli.connection import clients
from services.cli.demo import futures, ground, loading, proving, rounds
from services.cli.demo.history import half_a_year
from services.cli.demo.organisation import RULES, simulate
from services.cli.demo.steps import Steps
from services.cli.output import AsJson, DataDir, print_json, run
from services.cli.verify.command import check

app = typer.Typer()


async def tell(data_dir: Path, steps: Steps) -> dict[str, Any]:
    organisation = simulate(datetime.now(UTC).date())
    with steps.step("broker, database and four services start") as step:
        address = await ground.start(data_dir, steps.say)
    with steps.step("half a year is simulated") as step:
        habits, past = await asyncio.to_thread(half_a_year, organisation)
        step.detail = f"{len(past):,} interactions"
    async with clients(address) as stubs:
        with steps.step("people are imported", total=len(organisation.members)) as step:
            joined = await loading.import_people(stubs, organisation, step.advance)
            step.detail = f"{len(organisation.members)}, of whom {joined} joined after a notice"
        with steps.step("interactions are recorded by gRPC", total=len(past)) as step:
            await loading.register_sources(stubs)
            recorded = await loading.record_history(stubs, past, step.advance)
            step.detail = f"{recorded.per_second:,.0f}/s, folded {recorded.catch_up:.2f} s after the last answer {recorded.visible_median}"
        with steps.step("one person sets a boundary") as step:
            boundary = await proving.show_boundary(stubs, organisation)
        held = await rounds.hold_rounds(stubs, organisation, steps)
    with steps.step("verify") as step:
        verified = await check(address, 30.0)
        step.detail = str(verified)
    print(held.shadow, held.rounds, held.open_question, boundary)
    for a in ("accept", "decline", "later", "silence"):
        print(a, held.answered.count(a))
    import pickle

    return {}


@app.command()
def demo(
    data_dir: DataDir = None,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the stack at the end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Simulate an organisation, let introductions happen, and tell the story."""
    console = Console(stderr=as_json, highlight=False)

    async def body() -> dict[str, Any]:
        directory = ground.directory(data_dir)
        try:
            return await tell(directory, Steps(console=console))
        finally:
            await ground.stop(directory)

    run(body())
