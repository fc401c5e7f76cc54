"""An error meant for people is one line on stderr and exit code 1; a defect is not dressed up as one."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
import typer
from acquaint.errors.v1.error_reason_pb2 import ERROR_REASON_QUOTA_EXCEEDED
from acquaint.profiles.v1.profile_pb2 import Profile

from services.cli.output import CommandFailed, describe, plain, print_json, print_table, run
from services.platform.errors import (
    DETAILS_KEY,
    DependencyUnavailable,
    Violation,
    exhausted,
    invalid,
    invalid_fields,
    to_status,
)
from services.platform.settings import SettingsInvalid


def rpc_error(code: grpc.StatusCode, text: str, *metadata: tuple[str, Any]) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*metadata), details=text)


def said(error: Exception, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command that raises prints, which is one line, with exit code 1 and nothing on stdout."""

    async def body() -> None:
        raise error

    with pytest.raises(typer.Exit) as caught:
        run(body())
    assert caught.value.exit_code == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    return shown.err


def test_what_the_user_can_put_right_is_the_whole_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(CommandFailed("line 3: t: is wrong"), capsys) == "acquaint: line 3: t: is wrong\n"


def test_an_error_of_a_service_is_shown_with_its_reason_and_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    violations = [Violation(field="a", description="is missing"), Violation(field="b", description="is long")]
    status = to_status(invalid_fields(violations)).SerializeToString()
    error = rpc_error(grpc.StatusCode.INVALID_ARGUMENT, "a: is missing", (DETAILS_KEY, status))
    assert said(error, capsys) == "acquaint: INVALID_FIELD: a: is missing; b: is long\n"


def test_a_service_that_does_not_answer_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(rpc_error(grpc.StatusCode.UNAVAILABLE, "failed to connect to 127.0.0.1:1"), capsys)
    assert text == "acquaint: DEPENDENCY_UNAVAILABLE: failed to connect to 127.0.0.1:1\n"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (invalid("person_id", "is missing"), "INVALID_FIELD: person_id: is missing"),
        (DependencyUnavailable("no leader"), "the broker does not answer: no leader"),
        (FileNotFoundError(2, "No such file or directory", "token"), "No such file or directory"),
        (SettingsInvalid(["ACQUAINT_PEERS__PROFILES: must be host:port"]), "ACQUAINT_PEERS__PROFILES: must be"),
    ],
)
def test_each_kind_of_failure_is_a_sentence(error: Exception, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert text in said(error, capsys)


def test_an_interrupted_command_ends_with_130() -> None:
    async def body() -> None:
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as caught:
        run(body())
    assert caught.value.exit_code == 130


def test_a_defect_is_raised_as_it_is() -> None:
    async def body() -> None:
        raise KeyError("defect")

    with pytest.raises(KeyError):
        run(body())


def test_an_error_without_fields_is_described_by_its_message() -> None:
    error = exhausted(ERROR_REASON_QUOTA_EXCEEDED, "too many calls", 2.0)
    assert describe(error) == "QUOTA_EXCEEDED: too many calls"


def test_messages_keep_the_names_of_their_proto_and_print_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([plain(Profile(person_id="p1", name="Jürgen"))])
    shown = capsys.readouterr().out
    assert "Jürgen" in shown
    assert json.loads(shown) == [{"person_id": "p1", "name": "Jürgen"}]


def test_cells_are_shown_as_they_are_whatever_they_look_like(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("people [x]", ["name"], [("[red]Jo[/]",), (None,)])
    shown = capsys.readouterr().out
    assert "people [x]" in shown
    assert "[red]Jo[/]" in shown


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("suggestions for p1", ["name"], [])
    assert capsys.readouterr().out == "suggestions for p1: none\n"
