"""The command's table: every command is in it, is found, explains itself and speaks JSON."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from services import cli
from services.cli.main import COMMANDS, app


def apps() -> Iterator[tuple[str, str, Any]]:
    """Module, attribute and command of every typer application below services.cli, the main one left out."""
    for module in pkgutil.walk_packages(cli.__path__, f"{cli.__name__}."):
        if module.name in ("services.cli.main", "services.cli.__main__"):
            continue
        loaded = import_module(module.name)
        for attribute, value in vars(loaded).items():
            if isinstance(value, typer.Typer):
                yield module.name.removeprefix(f"{cli.__name__}."), attribute, get_command(value)


def group() -> Any:
    return get_command(app)


def leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command, or those of the group it is."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
    else:
        for each, found in inner.items():
            yield from leaves(f"{name} {each}", found)


def test_every_command_of_every_module_is_in_the_table() -> None:
    for module, attribute, command in apps():
        place = f"{module}:{attribute}"
        listed = [name for name, where in COMMANDS.items() if where == place]
        if attribute == "app":
            assert listed == list(getattr(command, "commands", {command.name: command})), place
        else:
            assert len(listed) == 1, place


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_found_under_its_name_and_has_help(name: str) -> None:
    found = group().get_command(None, name)
    assert found.name == name
    for full, leaf in leaves(name, found):
        shown = CliRunner().invoke(app, [*full.split(), "--help"])
        assert shown.exit_code == 0, shown.output
        assert leaf.help
        assert leaf.help.partition("\n")[0].endswith("."), full


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_speaks_json_on_request(name: str) -> None:
    for full, leaf in leaves(name, group().get_command(None, name)):
        options = {option for parameter in leaf.params for option in parameter.opts}
        assert "--json" in options, full


def test_the_help_lists_every_command() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert all(name in shown.output for name in COMMANDS)


def test_an_unknown_command_is_refused_with_2() -> None:
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == 2


def test_no_command_at_all_shows_the_help() -> None:
    assert "Usage" in CliRunner().invoke(app, []).output
