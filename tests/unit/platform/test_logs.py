"""Log lines: an event and key-values, the request they belong to, never the text of an exception in production."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from services.platform.auth import Principal
from services.platform.call import CallContext, call
from services.platform.settings import TelemetrySettings
from services.platform.telemetry import configure_logs, get_logger


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def configured(*, development: bool = False, **settings: Any) -> io.StringIO:
    out = io.StringIO()
    configure_logs(TelemetrySettings(**settings), service="example", development=development, out=out)
    return out


def fail() -> None:
    raise ValueError("somebody@example.org")


def test_a_line_is_an_event_with_its_values_and_where_it_comes_from() -> None:
    out = configured()
    get_logger("a.module").info("batch_published", records=3)
    (line,) = lines(out)
    assert {key: line[key] for key in ("event", "records", "level", "logger", "service")} == {
        "event": "batch_published",
        "records": 3,
        "level": "info",
        "logger": "a.module",
        "service": "example",
    }


def test_a_line_written_for_a_call_carries_its_id() -> None:
    out = configured()
    token = call.set(CallContext(principal=Principal(client="x"), request_id="r-1", deadline=0.0, method="m"))
    get_logger("m").info("handled")
    call.reset(token)
    get_logger("m").info("idle")
    assert [line.get("request_id") for line in lines(out)] == ["r-1", None]


@pytest.mark.parametrize("development", [False, True])
def test_an_exceptions_text_is_logged_for_development_only(development: bool) -> None:
    out = configured(development=development)
    try:
        fail()
    except ValueError as error:
        get_logger("m").exception("bad")
        get_logger("m").error("bad", exc_info=error)
        logging.getLogger("a.library").exception("bad")
    for line in lines(out):
        assert line["error"] == "builtins.ValueError"
        assert line["frames"][-1].endswith(" fail")
        assert ("somebody@example.org" in json.dumps(line)) is development


def test_lines_below_the_level_are_left_out_and_libraries_say_only_warnings() -> None:
    out = configured(log_level="info")
    get_logger("m").debug("detail")
    logging.getLogger("aiokafka.consumer").info("chatter")
    logging.getLogger("aiokafka.consumer").warning("lost")
    assert [line["event"] for line in lines(out)] == ["lost"]


def test_the_console_form_is_for_reading() -> None:
    out = configured(log_format="console")
    get_logger("m").info("started", port=5)
    assert "started" in out.getvalue()
    assert "port=5" in out.getvalue()
