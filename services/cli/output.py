"""How commands speak: JSON on request, else tables and sentences; an error is one line and an exit code of 1."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import grpc
import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.platform.errors import DependencyUnavailable, ServiceError, from_rpc_error, reason_name
from services.platform.settings import SettingsInvalid

T = TypeVar("T")

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="The stack's data directory. [default: .acquaint]")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class CommandFailed(Exception):
    """Something the user can put right; its text is the whole message."""


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; errors meant for people become one line on stderr and exit code 1."""
    try:
        return asyncio.run(coroutine)
    except CommandFailed as failure:
        fail(str(failure))
    except grpc.aio.AioRpcError as error:
        fail(describe(from_rpc_error(error)))
    except ServiceError as error:
        fail(describe(error))
    except (SettingsInvalid, OSError) as error:
        fail(str(error))
    except DependencyUnavailable as error:
        fail(f"the broker does not answer: {error}")
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    raise AssertionError  # fail() does not return


def describe(error: ServiceError) -> str:
    """An error of a service in one line: reason, message, and every field it names."""
    fields = "; ".join(f"{violation.field}: {violation.description}" for violation in error.violations)
    return f"{reason_name(error.reason)}: {fields or error.message}"


def fail(message: str) -> None:
    """Say what is wrong and exit with 1."""
    typer.echo(f"acquaint: {message}", err=True)
    raise typer.Exit(1)


def plain(message: Message) -> Any:
    """A protobuf message as plain data, field names as in the proto."""
    return MessageToDict(message, preserving_proto_field_name=True)


def print_json(data: Any) -> None:
    """One JSON document."""
    typer.echo(json.dumps(data, indent=1, ensure_ascii=False, default=str))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table, or its title and "none"."""
    console = Console(highlight=False)
    if not rows:
        console.print(f"{escape(title)}: none")
        return
    table = Table(title=escape(title), title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    console.print(table)
