"""One owner per directory, whole files, bounded logs, and lines as they come."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from services.devstack.errors import DirectoryInUse
from services.devstack.files import DirectoryLock, bound_log, tail, write_atomically
from services.devstack.logs import LogFollower
from services.devstack.process import ProcessMark
from services.devstack.state import (
    READY,
    ChildState,
    StackState,
    development_key,
    read_state,
    state_file,
    write_state,
)


def test_a_directory_has_one_owner_until_it_is_given_back(tmp_path: Path) -> None:
    first, second = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    first.acquire()
    first.acquire()
    with pytest.raises(DirectoryInUse, match="acquaint down"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_atomically(tmp_path / "deep" / "file", "one")
    write_atomically(tmp_path / "deep" / "file", "two")
    assert {path.name: path.read_text() for path in (tmp_path / "deep").iterdir()} == {"file": "two"}


def test_a_log_that_grew_too_long_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    log.write_text("x" * 11)
    bound_log(log, limit=10)
    assert not log.exists()
    assert (tmp_path / "service.log.1").read_text() == "x" * 11


def test_the_tail_of_a_log_is_its_last_lines_or_nothing(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("".join(f"line {number}\n" for number in range(9_999)))
    assert tail(tmp_path / "log", 2) == "line 9997\nline 9998"
    assert tail(tmp_path / "none") == ""


def test_new_lines_are_handed_over_once_and_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    seen: list[tuple[str, str]] = []
    follower = LogFollower({"profiles": log, "silent": tmp_path / "none"}, lambda name, line: seen.append((name, line)))
    for piece in ("one\ntw", "o\n", ""):
        with log.open("a") as file:
            file.write(piece)
        follower.look()
    assert seen == [("profiles", "one"), ("profiles", "two")]


def test_a_log_that_was_begun_anew_is_followed_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("a long line of before\n")
    seen: list[str] = []
    follower = LogFollower({"profiles": log}, lambda _, line: seen.append(line))
    log.write_text("new\n")
    follower.look()
    assert seen == ["new"]


def test_the_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    child = ChildState(name="broker", process=ProcessMark(pid=1, started=2.0), address="127.0.0.1:9092", log="x.log")
    none = ChildState(name="profiles", process=None, address="", log="y.log")
    state = StackState(phase=READY, supervisor=ProcessMark(pid=3, started=4.5), children=[child, none])
    write_state(tmp_path, state)
    assert read_state(tmp_path) == state
    assert state.address("broker") == "127.0.0.1:9092"


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"phase": "ready", "children": 1}'])
def test_a_damaged_state_is_no_state(tmp_path: Path, content: str) -> None:
    state_file(tmp_path).write_text(content)
    assert read_state(tmp_path) is None


def test_the_development_key_is_kept_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    key = development_key(tmp_path)
    assert len(key) >= 32
    assert development_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "development.key").stat().st_mode) == 0o600
