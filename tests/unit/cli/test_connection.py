"""Which stack a command talks to: that of the data directory, or the one the environment names; else a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.connection import SERVICES, find
from services.cli.main import app
from services.cli.output import CommandFailed
from services.devstack.process import ProcessMark
from services.devstack.state import READY, STARTING, ChildState, StackState, write_state
from services.platform.settings import SettingsInvalid

REMOTE = {f"ACQUAINT_PEERS__{name.upper()}": f"{name}.example:50051" for name in SERVICES}


@pytest.fixture(autouse=True)
def _no_stack_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("ACQUAINT_"):
            monkeypatch.delenv(name)


def stack(directory: Path, phase: str, supervisor: ProcessMark) -> None:
    """What a stack of this directory has written down."""
    names = ("broker", *SERVICES)
    children = [
        ChildState(name=name, process=None, address=f"127.0.0.1:{port}", log="") for port, name in enumerate(names, 1)
    ]
    write_state(directory, StackState(phase=phase, supervisor=supervisor, children=children))


def test_a_running_stack_is_found_by_its_directory(tmp_path: Path) -> None:
    stack(tmp_path, READY, ProcessMark.of(os.getpid()))
    found = find(tmp_path)
    assert (found.services["profiles"], found.kafka.bootstrap) == ("127.0.0.1:2", "127.0.0.1:1")
    assert found.data_dir == tmp_path
    assert found.token().count(".") == 2


@pytest.mark.parametrize("arguments", [["suggest", "p1"], ["verify"], ["inbox", "p1"], ["sources", "list"]])
def test_without_a_stack_a_command_says_how_to_start_one(tmp_path: Path, arguments: list[str]) -> None:
    outcome = CliRunner().invoke(app, [*arguments, "--data-dir", str(tmp_path)])
    assert outcome.exit_code == 1
    assert outcome.stderr == f"acquaint: no stack runs in {tmp_path}: start one with `acquaint up --detach`\n"


def test_a_stack_that_was_killed_is_none(tmp_path: Path) -> None:
    stack(tmp_path, READY, ProcessMark(pid=os.getpid(), started=1.0))
    with pytest.raises(CommandFailed, match="no stack runs in"):
        find(tmp_path)


def test_a_stack_that_is_not_ready_yet_is_said_to_be_so(tmp_path: Path) -> None:
    stack(tmp_path, STARTING, ProcessMark.of(os.getpid()))
    with pytest.raises(CommandFailed, match="is starting"):
        find(tmp_path)


def test_the_environment_names_a_stack_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    for name, value in {**REMOTE, "ACQUAINT_PEERS__TOKEN_FILE": str(token)}.items():
        monkeypatch.setenv(name, value)
    found = find()
    assert found.services == {name: f"{name}.example:50051" for name in SERVICES}
    assert (found.token(), found.data_dir) == ("secret", None)
    token.write_text("renewed\n")
    assert found.token() == "renewed"


def test_a_data_directory_that_is_given_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in REMOTE.items():
        monkeypatch.setenv(name, value)
    stack(tmp_path, READY, ProcessMark.of(os.getpid()))
    assert find(tmp_path).data_dir == tmp_path


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ACQUAINT_PEERS__PROFILES", "profiles", "ACQUAINT_PEERS__PROFILES: must be host:port (got 'profiles')"),
        ("ACQUAINT_KAFKA__BOOTSTRAP", "nowhere", "ACQUAINT_KAFKA__BOOTSTRAP: must be host:port"),
        ("ACQUAINT_PEERS", "[", "ACQUAINT_PEERS: cannot be read"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    for each, given in {**REMOTE, name: value}.items():
        monkeypatch.setenv(each, given)
    with pytest.raises(SettingsInvalid) as caught:
        find()
    assert said in str(caught.value)
    assert CliRunner().invoke(app, ["suggest", "p1"]).exit_code == 1


def test_a_token_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {**REMOTE, "ACQUAINT_PEERS__TOKEN_FILE": str(tmp_path / "absent")}.items():
        monkeypatch.setenv(name, value)
    outcome = CliRunner().invoke(app, ["suggest", "p1"])
    assert outcome.exit_code == 1
    assert str(tmp_path / "absent") in outcome.stderr
