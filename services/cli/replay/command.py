"""The command: survey the file, make its people, send its interactions, wait until the graph has them all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from acquaint.interactions.v1 import source_pb2, source_service_pb2
from acquaint.operations.v1 import operations_service_pb2
from acquaint.profiles.v1 import profile_pb2, profile_service_pb2
from acquaint.recommendations.v1 import introduction_service_pb2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.cli import people
from services.cli.connection import Clients, StackAddress, clients, find
from services.cli.output import AsJson, CommandFailed, DataDir, print_json, run
from services.cli.replay.reading import Summary, checksum, events, labels, survey
from services.cli.replay.sending import SOURCE, send
from services.devstack.files import write_atomically

app = typer.Typer()
CATCH_UP_SECONDS = 300.0
JOURNAL = "acquaint.interactions.v1"
NOTICE = "replay"


async def refuse_production(stubs: Clients) -> None:
    """Raises CommandFailed unless the stack's own settings say development: replay invents people and consent."""
    for name, stub in stubs.operations.items():
        status = await stub.GetStatus(operations_service_pb2.GetStatusRequest())
        if status.environment != "development":
            raise CommandFailed(f"replay is for development stacks only; {name} says {status.environment!r}")


def kept_in(data_dir: Path | None, name: str) -> Path:
    """Where the data directory keeps what was decided for a run. Raises CommandFailed."""
    if data_dir is None:
        raise CommandFailed("replay needs the data directory of a local stack")
    kept = data_dir / "replays" / name
    kept.mkdir(parents=True, exist_ok=True)
    return kept


def shift_of(kept: Path, last: int) -> int:
    """What is added to the file's times so that they end now: chosen once per run and kept."""
    shift = kept / "shift"
    if shift.is_file():
        return int(shift.read_text())
    chosen = int(time.time()) - last
    write_atomically(shift, str(chosen))
    return chosen


async def make_people(stubs: Clients, ids: tuple[str, ...], units: Mapping[str, str], *, joined: bool = True) -> None:
    """Import and join the people of the file who are not there yet; a label is their unit.

    Unless `joined`, those whom an interrupted replay has made join too.
    """
    for start in range(0, len(ids), people.BATCH):
        chunk = ids[start : start + people.BATCH]
        asked = profile_service_pb2.BatchGetProfilesRequest(person_ids=chunk)
        there = {profile.person_id: profile for profile in (await stubs.profiles.BatchGetProfiles(asked)).profiles}
        rows, joining = [], []
        for person_id in chunk:
            profile = profile_pb2.Profile(
                person_id=person_id, name=f"Person {person_id}", unit=units.get(person_id, "")
            )
            if person_id not in there:
                rows.append(people.Row(line=0, item=profile_service_pb2.ImportItem(profile=profile)))
            elif not joined and there[person_id].name == profile.name:
                joining.append(person_id)
        tally = people.Tally()
        if rows:
            joining += await people.send(stubs, rows, "hr", tally)
        if tally.errors:
            raise CommandFailed(f"a person was refused: {tally.errors[0][1]}")
        if joining:
            await people.join(stubs, joining, NOTICE, datetime.now(UTC).replace(microsecond=0))


async def register(stubs: Clients) -> None:
    """Register the source of replays."""
    source = source_pb2.Source(source_id=SOURCE, purpose="Replay of a file on a development stack.", enabled=True)
    await stubs.sources.RegisterSource(source_service_pb2.RegisterSourceRequest(source=source))


async def published(stubs: Clients) -> int | None:
    """The last sequence of the journal of interactions; None while a record has none or is not published."""
    status = await stubs.operations["interactions"].GetStatus(operations_service_pb2.GetStatusRequest())
    (shard,) = (each for each in status.shards if each.topic == JOURNAL)
    return None if shard.unpublished else shard.next_sequence - 1


async def catch_up(stubs: Clients) -> None:
    """Return when the graph has folded the whole journal. Raises CommandFailed after five minutes."""
    deadline = time.monotonic() + CATCH_UP_SECONDS
    question = introduction_service_pb2.GetDigestRequest(brief=True)
    end: int | None = None
    while True:
        if end is None:
            end = await published(stubs)
        position = (await stubs.introductions.GetDigest(question, timeout=60)).position
        if end is not None and position.sequence >= end:
            return
        if time.monotonic() > deadline:
            raise CommandFailed(f"the graph stands at {position.sequence} and does not catch up with the journal")
        await asyncio.sleep(0.02)


async def replay_file(
    address: StackAddress, path: Path, units: Mapping[str, str], name: str, summary: Summary, console: Console
) -> dict[str, Any]:
    """Replay and report. Raises CommandFailed, AioRpcError."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    async with clients(address) as stubs:
        await refuse_production(stubs)
        kept = kept_in(address.data_dir, name)
        shift = shift_of(kept, summary.last)
        await register(stubs)
        await make_people(stubs, summary.people, units, joined=(kept / "joined").exists())
        (kept / "joined").touch()
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("rows", total=summary.rows)
            began = time.monotonic()
            sent = await send(stubs.interactions, events(path), name, shift, lambda n: progress.advance(task, n))
            acknowledged = time.monotonic()
        await catch_up(stubs)
        done = time.monotonic()
    seconds = done - began
    return {
        "run": name,
        "events": sent.rows,
        "accepted": sent.accepted,
        "duplicates": sent.duplicates,
        "interactions": sent.interactions,
        "people": len(summary.people),
        "seconds": round(seconds, 3),
        "events_per_second": round(sent.rows / seconds, 1),
        "interactions_per_second": round(sent.interactions / seconds, 1),
        "catch_up_seconds": round(done - acknowledged, 3),
    }


@app.command()
def replay(
    path: Annotated[Path, typer.Argument(metavar="EVENTS", help="a .csv or .csv.gz with columns t,src,dst")],
    labels_path: Annotated[Path | None, typer.Option("--labels", help="CSV of node,group: units.")] = None,
    name: Annotated[str | None, typer.Option("--run", help="The run's name. [default: the file's checksum]")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Record a file's interactions as if they had just happened, and wait until the graph has folded them."""

    async def body() -> dict[str, Any]:
        chosen = name or checksum(path)
        if not (chosen.isascii() and chosen.replace("-", "").replace("_", "").isalnum()) or len(chosen) > 64:
            raise CommandFailed("--run: letters, digits, - and _ only, 64 at most")
        summary = survey(path)
        units = labels(labels_path) if labels_path else {}
        return await replay_file(find(data_dir), path, units, chosen, summary, Console(stderr=True))

    report = run(body())
    if as_json:
        print_json(report)
        return
    typer.echo(
        f"{report['events']} rows as {report['interactions']} interactions in {report['seconds']:.1f} s "
        f"({report['events_per_second']:,.0f} rows/s, caught up {report['catch_up_seconds']:.1f} s after the last "
        f"answer): {report['accepted']} accepted, {report['duplicates']} duplicates"
    )
