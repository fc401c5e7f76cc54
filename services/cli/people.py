"""`acquaint import`: people from CSV or JSON lines. A bad row is named by line and field, the good ones are loaded.

CSV columns are names of Profile fields; a place is `site`, `city`, `country`, mail is `email`, days are YYYY-MM-DD, and
lists are separated by semicolons. Only the columns that are there are changed.
"""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from acquaint.profiles.v1 import profile_pb2, profile_service_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import ParseDict, ParseError
from rich.console import Console
from rich.progress import Progress

from services.cli.connection import Clients, clients, find
from services.cli.output import AsJson, CommandFailed, DataDir, describe, print_json, run
from services.platform.errors import from_status

app = typer.Typer()
BATCH = 500
BATCH_BYTES = 8_000_000
SHOWN = 20
TEXTS = ("name", "title", "unit", "manager_id", "time_zone", "photo_url")
LISTS = ("languages", "fields", "skills", "offers", "wants", "interests", "side_projects")
DAYS = ("joined_on", "leaving_on")
PLACES = ("site", "city", "country")
OTHERS = ("person_id", "email", "status", "responsibilities", "roles")
COLUMNS = (*OTHERS, *TEXTS, *LISTS, *DAYS, *PLACES)


class BadRow(Exception):
    """A row that cannot be a person; its text names the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One person to import and the line it began on."""

    line: int
    item: profile_service_pb2.ImportItem


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of the rows; `errors` are (line, text)."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    joined: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)

    def refuse(self, line: int, text: str) -> None:
        """Count a refused row and say why."""
        self.refused += 1
        self.errors.append((line, text))

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        counts = {name: getattr(self, name) for name in ("created", "updated", "unchanged", "refused", "joined")}
        return counts | {"errors": [{"line": line, "error": text} for line, text in self.errors]}


def day(column: str, text: str) -> profile_pb2.Day:
    """YYYY-MM-DD as a Day. Raises BadRow."""
    try:
        parsed = date.fromisoformat(text)
    except ValueError:
        raise BadRow(f"{column}: {text!r} is no day of the form YYYY-MM-DD") from None
    return profile_pb2.Day(year=parsed.year, month=parsed.month, day=parsed.day)


def choice(column: str, text: str, enum: Any, prefix: str) -> int:
    """An enum's value by its lower-case name. Raises BadRow."""
    try:
        return int(enum.Value(prefix + text.upper()))
    except ValueError:
        raise BadRow(f"{column}: {text!r} is not known") from None


def items(text: str) -> list[str]:
    """The parts of a list, without blanks."""
    return [part.strip() for part in text.split(";") if part.strip()]


def from_csv(header: Sequence[str], row: Sequence[str]) -> profile_service_pb2.ImportItem:
    """One CSV row as an item. Raises BadRow naming the field."""
    if len(row) > len(header):
        raise BadRow(f"{len(row)} cells where the header has {len(header)} columns")
    if len(row) < len(header):
        raise BadRow(f"{header[len(row)]}: the row ends before this column")
    cells = {column: cell.strip() for column, cell in zip(header, row, strict=True)}
    profile, paths = profile_pb2.Profile(), []
    for column, cell in cells.items():
        if column in TEXTS or column == "person_id":
            setattr(profile, column, cell)
            path = column
        elif column in LISTS:
            getattr(profile, column).extend(items(cell))
            path = column
        elif column in DAYS:
            if cell:
                getattr(profile, column).CopyFrom(day(column, cell))
            path = column
        elif column in PLACES:
            setattr(profile.place, column, cell)
            path = f"place.{column}"
        elif column == "email":
            profile.contact.email = cell
            path = "contact.email"
        elif column == "status":
            profile.status = profile_pb2.PersonStatus.ValueType(
                choice(column, cell or "active", profile_pb2.PersonStatus, "PERSON_STATUS_")
            )
            path = column
        elif column == "roles":
            profile.roles.extend(
                profile_pb2.Role.ValueType(choice(column, each, profile_pb2.Role, "ROLE_")) for each in items(cell)
            )
            path = column
        else:
            profile.responsibilities.extend(profile_pb2.Responsibility(subject=each) for each in items(cell))
            path = "responsibilities"
        if path != "person_id":
            paths.append(path)
    if not profile.person_id:
        raise BadRow("person_id: is empty")
    return profile_service_pb2.ImportItem(profile=profile, update_mask=FieldMask(paths=paths))


def read(path: Path, tally: Tally) -> Iterator[Row]:
    """The rows of a file; bad ones go to the tally. Raises CommandFailed for a file that is none of ours."""
    try:
        yield from (read_json_lines if path.suffix == ".jsonl" else read_csv)(path, tally)
    except OSError as error:
        raise CommandFailed(f"{path}: {error.strerror}") from None


def text_of(path: Path, file: BinaryIO) -> Iterator[str]:
    """The lines of a file with their ends. Raises CommandFailed naming a line that is not UTF-8."""
    for line, raw in enumerate(file, 1):
        try:
            yield raw.decode("utf-8-sig" if line == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise CommandFailed(f"{path}, line {line}: is not UTF-8 at byte {error.start + 1}") from None


def read_csv(path: Path, tally: Tally) -> Iterator[Row]:
    """The rows of a CSV file with a header."""
    with path.open("rb") as file:
        reader = csv.reader(text_of(path, file), strict=True)
        try:
            header = next(reader, [])
        except csv.Error as error:
            raise CommandFailed(f"{path}, line 1: {error}") from None
        unknown = [column for column in header if column not in COLUMNS]
        if unknown or "person_id" not in header or len(set(header)) != len(header):
            wrong = f"unknown column {unknown[0]!r}" if unknown else "no column person_id, or one twice"
            raise CommandFailed(f"{path}, line 1: {wrong}; columns are: {', '.join(COLUMNS)}")
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
                if cells:
                    yield Row(line=line, item=from_csv(header, cells))
            except StopIteration:
                return
            except (BadRow, csv.Error) as bad:
                tally.refuse(line, str(bad))


def read_json_lines(path: Path, tally: Tally) -> Iterator[Row]:
    """The rows of a file of JSON lines: each a Profile in protobuf's JSON mapping."""
    with path.open("rb") as file:
        for line, text in enumerate(text_of(path, file), 1):
            if not text.strip():
                continue
            try:
                document = json.loads(text)
                if not isinstance(document, dict):
                    raise ParseError("it is no object")
                profile = ParseDict(document, profile_pb2.Profile())
            except (ValueError, TypeError, RecursionError, ParseError) as error:
                tally.refuse(line, f"does not map to a profile: {error}")
                continue
            yield Row(line=line, item=profile_service_pb2.ImportItem(profile=profile))


async def send(stubs: Clients, rows: Sequence[Row], source: str, tally: Tally) -> list[str]:
    """Import one batch; returns the ids of the people who are there now."""
    request = profile_service_pb2.ImportProfilesRequest(items=[row.item for row in rows], source=source)
    response = await stubs.profiles.ImportProfiles(request, timeout=60)
    present = []
    for row, result in zip(rows, response.results, strict=True):
        if result.outcome == profile_service_pb2.IMPORT_OUTCOME_REFUSED:
            tally.refuse(row.line, describe(from_status(result.error)))
            continue
        present.append(row.item.profile.person_id)
        if result.outcome == profile_service_pb2.IMPORT_OUTCOME_CREATED:
            tally.created += 1
        elif result.outcome == profile_service_pb2.IMPORT_OUTCOME_UPDATED:
            tally.updated += 1
        else:
            tally.unchanged += 1
    return present


async def join(stubs: Clients, person_ids: Sequence[str], notice: str, informed_at: datetime) -> int:
    """Record that people take part; returns for how many something changed."""
    requests = []
    for person_id in person_ids:
        request = profile_service_pb2.JoinPersonRequest(person_id=person_id, joined=True, notice=notice)
        request.informed_at.FromDatetime(informed_at)
        requests.append(request)
    response = await stubs.profiles.BatchJoinPeople(
        profile_service_pb2.BatchJoinPeopleRequest(requests=requests), timeout=60
    )
    for result in response.results:
        if result.outcome == profile_service_pb2.IMPORT_OUTCOME_REFUSED:
            raise from_status(result.error)
    return sum(result.outcome == profile_service_pb2.IMPORT_OUTCOME_UPDATED for result in response.results)


async def batches(rows: Iterator[Row]) -> AsyncIterator[list[Row]]:
    """Rows in batches that a call takes."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        length = row.item.ByteSize()
        if len(batch) == BATCH or (batch and size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += length
    if batch:
        yield batch


@app.command(name="import")
def import_people(
    path: Annotated[Path, typer.Argument(metavar="PEOPLE", help="a .csv or .jsonl file")],
    source: Annotated[str, typer.Option("--source", help="The feed; decides which fields may be changed.")] = "hr",
    notice: Annotated[str, typer.Option("--join-after-notice", help="Join everybody; names the notice given.")] = "",
    informed_at: Annotated[datetime | None, typer.Option("--informed-at", help="When it was given (UTC).")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Import people. Bad rows are named and left out; exit code 1 if there were any."""
    tally = Tally()

    async def body() -> None:
        if notice and informed_at is None:
            raise CommandFailed("--join-after-notice needs --informed-at: when people were given the notice")
        console = Console(stderr=True)
        async with clients(find(data_dir)) as stubs:
            with Progress(console=console, disable=not console.is_terminal) as progress:
                task = progress.add_task("people", total=None)
                async for batch in batches(read(path, tally)):
                    present = await send(stubs, batch, source, tally)
                    if notice and informed_at is not None and present:
                        tally.joined += await join(stubs, present, notice, informed_at.replace(tzinfo=UTC))
                    progress.advance(task, len(batch))

    run(body())
    if as_json:
        print_json(tally.as_data())
    else:
        typer.echo(
            f"{tally.created} created, {tally.updated} updated, {tally.unchanged} unchanged, {tally.refused} refused"
            + (f", {tally.joined} joined" if notice else "")
        )
        for line, text in sorted(tally.errors)[:SHOWN]:
            typer.echo(f"  line {line}: {text}", err=True)
        if len(tally.errors) > SHOWN:
            typer.echo(f"  and {len(tally.errors) - SHOWN} more (all with --json)", err=True)
    raise typer.Exit(1 if tally.errors else 0)
