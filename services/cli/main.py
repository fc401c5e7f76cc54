"""The `acquaint` command: one typer application, each group of commands in a module of its own."""

from __future__ import annotations

import typer

from services.cli import bench, demo, inbox, introductions, operate, people, replay, stack, verify

app = typer.Typer(
    help="Turns everyday interactions into introductions worth having.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (stack, demo, people, replay, introductions, inbox, verify, bench):
    app.add_typer(module.app)
app.add_typer(operate.topics_app, name="topics")
app.add_typer(operate.consumers_app, name="consumers")
app.add_typer(operate.sources_app, name="sources")


def run() -> None:
    """The entry point of the installed command."""
    app()


if __name__ == "__main__":
    run()
