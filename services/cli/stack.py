"""`acquaint up`, `status` and `down`: the local stack, its broker, its database and the four services."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from services.devstack.background import LOG, start_in_background, stop_stack
from services.devstack.errors import DevstackError
from services.devstack.serve import serve
from services.devstack.service import is_serving
from services.devstack.state import StackState, default_data_dir, read_state
from services.devstack.supervisor import Report, Stack, StackOptions

app = typer.Typer()

COLOURS = {"profiles": "cyan", "interactions": "green", "recommendations": "magenta", "notifications": "yellow"}
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Where data, logs and state are kept. [default: .acquaint]")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def up(
    data_dir: DataDir = None,
    ephemeral: Annotated[bool, typer.Option("--ephemeral", help="Keep data in a temporary directory only.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return once ready; the stack goes on.")] = False,
    no_restart: Annotated[bool, typer.Option("--no-restart", help="Leave dead what dies.")] = False,
    mongo_members: Annotated[int, typer.Option("--mongo-members", help="1 or 3.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Start broker, database, topics and services, and follow them until Ctrl-C."""
    out, news = Console(highlight=False), Console(highlight=False, stderr=as_json)
    if mongo_members not in (1, 3):
        raise typer.BadParameter("a replica set has 1 member or 3", param_hint="--mongo-members")
    if ephemeral and (detach or data_dir is not None):
        raise typer.BadParameter("goes with neither --detach nor --data-dir", param_hint="--ephemeral")
    directory = (data_dir or default_data_dir()).resolve()

    def announce(state: StackState, directory: Path) -> None:
        if as_json:
            typer.echo(json.dumps(_as_data(state, directory)))
        else:
            _print_addresses(out, state)

    def announce_running(stack: Stack) -> None:
        if (state := read_state(stack.data_dir)) is not None:
            announce(state, stack.data_dir)
            news.print("Ctrl-C stops everything.", style="dim")

    def say(text: str) -> None:
        news.print(f"[bold]stack[/]  {escape(text)}", soft_wrap=True)

    def log(name: str, line: str) -> None:
        news.print(f"[{COLOURS.get(name, 'white')}]{name:>15}[/]  {escape(line)}", soft_wrap=True)

    try:
        if detach:
            arguments = ["--mongo-members", str(mongo_members), *(["--no-restart"] if no_restart else [])]
            announce(asyncio.run(start_in_background(directory, arguments, say)), directory)
            news.print(f"Logs in {directory}; `acquaint down` stops everything.", style="dim", soft_wrap=True)
        else:
            options = StackOptions(data_dir=directory, members=mongo_members, restart=not no_restart)
            asyncio.run(serve(options, Report(say=say, log=log), ready=announce_running, ephemeral=ephemeral))
    except DevstackError as error:
        _fail(error)


@app.command()
def status(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show what runs, where, and whether it answers. Exit code 1 unless everything does."""
    directory = (data_dir or default_data_dir()).resolve()
    state = read_state(directory)
    data = _as_data(state, directory)
    serving = asyncio.run(_serving(state)) if state is not None else {}
    for child in data["children"]:
        if child["name"] in serving:
            child["serving"] = serving[child["name"]]
    healthy = state is not None and state.ready and all(child.running for child in state.children)
    data["healthy"] = healthy and all(serving.values())
    if as_json:
        typer.echo(json.dumps(data, indent=1))
    elif state is None:
        typer.echo(f"no stack runs in {directory}")
    else:
        _print_table(Console(highlight=False), data)
    raise typer.Exit(0 if data["healthy"] else 1)


@app.command()
def down(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Stop everything in order: services, then database and broker. Data stays."""
    directory = (data_dir or default_data_dir()).resolve()
    try:
        stopped = asyncio.run(stop_stack(directory))
    except DevstackError as error:
        _fail(error)
        return
    if as_json:
        typer.echo(json.dumps({"data_dir": str(directory), "stopped": stopped or []}))
    else:
        typer.echo(f"stopped: {', '.join(stopped)}" if stopped else f"nothing ran in {directory}")


def _fail(error: DevstackError) -> None:
    typer.echo(f"acquaint: {error}", err=True)
    raise typer.Exit(1)


async def _serving(state: StackState) -> dict[str, bool]:
    services = [child for child in state.children if child.name in COLOURS]
    answers = await asyncio.gather(*(is_serving(child.address) for child in services))
    return {child.name: answer for child, answer in zip(services, answers, strict=True)}


def _as_data(state: StackState | None, directory: Path) -> dict[str, Any]:
    if state is None:
        return {"data_dir": str(directory), "phase": "stopped", "ready": False, "memory_bytes": 0, "children": []}
    return {
        "data_dir": str(directory),
        "phase": state.phase if state.running else "dead",
        "ready": state.ready,
        "supervisor": {"pid": state.supervisor.pid, "log": str(directory / LOG)},
        "memory_bytes": state.memory(),
        "children": [
            {
                "name": child.name,
                "running": child.running,
                "pid": child.process.pid if child.process is not None else None,
                "address": child.address,
                "log": child.log,
            }
            for child in state.children
        ],
    }


def _print_addresses(out: Console, state: StackState) -> None:
    for child in state.children:
        out.print(f"[bold]{child.name:>15}[/]  {escape(child.address)}", soft_wrap=True)


def _print_table(out: Console, data: dict[str, Any]) -> None:
    out.print(f"{data['phase']}, {data['memory_bytes'] / 1e6:,.0f} MB, data in {data['data_dir']}", soft_wrap=True)
    for child in data["children"]:
        healthy = child["running"] and child.get("serving", True)
        words = "[green]up[/]  " if healthy else "[red]not serving[/]" if child["running"] else "[red]down[/]"
        out.print(f"[bold]{child['name']:>15}[/]  {words}  {child['pid']}  {escape(child['address'])}", soft_wrap=True)
