"""The `acquaint` command: each group of commands in a module of its own, loaded when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

# Which module holds a command: "inbox" needs none of what "verify" or "demo" load.
COMMANDS = {
    "up": "stack:app",
    "status": "stack:app",
    "down": "stack:app",
    "demo": "demo.command:app",
    "import": "people:app",
    "replay": "replay.command:app",
    "suggest": "introductions:app",
    "introductions": "introductions:app",
    "respond": "introductions:app",
    "ties": "introductions:app",
    "inbox": "inbox:app",
    "boundary": "inbox:app",
    "launch": "introductions:app",
    "plan": "introductions:app",
    "verify": "verify.command:app",
    "token": "token:app",
    "bench": "bench:app",
    "topics": "operate:topics_app",
    "consumers": "operate:consumers_app",
    "sources": "operate:sources_app",
}


class Lazy(TyperGroup):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every command in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, imported now; None for a name that is not in the table."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        found = get_command(getattr(import_module(f"services.cli.{module}"), attribute))
        if attribute == "app":
            # A module with one command is that command, one with several is a group of them.
            return getattr(found, "commands", {}).get(cmd_name, found)
        found.name = cmd_name
        return found


app = typer.Typer(
    cls=Lazy,
    help="Turns everyday interactions into introductions worth having.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """Turns everyday interactions into introductions worth having."""


def run() -> None:
    """The entry point of the installed command."""
    app()


if __name__ == "__main__":
    run()
