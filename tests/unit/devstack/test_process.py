"""A child: stopped, killed, frozen, an orphan of it ended, and gone when its parent is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from services.devstack.process import Child, ProcessMark, clean_environment
from services.platform.testing import eventually

WAITING = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


async def started(directory: Path, command: list[str]) -> Child:
    child = Child("child", directory)
    child.start(command, clean_environment())
    await eventually(lambda: "up" in child.log_tail(), what="the child's first line")
    return child


async def test_a_stopped_child_is_gone_with_its_pid_file(tmp_path: Path) -> None:
    child = await started(tmp_path, WAITING)
    await child.stop()
    assert not child.running
    assert child.exit_code == -signal.SIGTERM
    assert not (tmp_path / "child.pid").exists()


async def test_a_child_that_does_not_listen_is_killed_after_the_grace(tmp_path: Path) -> None:
    child = await started(tmp_path, DEAF)
    await child.stop(grace=0.05)
    assert child.exit_code == -signal.SIGKILL


async def test_a_frozen_child_can_be_stopped(tmp_path: Path) -> None:
    child = await started(tmp_path, WAITING)
    await child.pause()
    await child.stop()
    assert child.exit_code == -signal.SIGTERM


async def test_an_orphan_of_an_earlier_owner_is_ended_even_when_it_is_frozen(tmp_path: Path) -> None:
    orphan = await started(tmp_path, WAITING)
    await orphan.pause()
    heir = Child("child", tmp_path)
    assert await heir.end_orphan()
    assert not orphan.running
    assert not await heir.end_orphan()


async def test_a_stranger_that_got_the_pid_of_an_orphan_is_left_alone(tmp_path: Path) -> None:
    stranger = await started(tmp_path, WAITING)
    assert stranger.mark is not None
    (tmp_path / "child.pid").write_text(json.dumps({"pid": stranger.mark.pid, "started": stranger.mark.started - 60}))
    assert not await Child("child", tmp_path).end_orphan()
    assert stranger.running
    await stranger.stop()


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"pid": "x", "started": 1}'])
async def test_a_damaged_pid_file_stops_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "child.pid").write_text(content)
    assert not await Child("child", tmp_path).end_orphan()


async def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent_of_one = (
        "import sys, time; from pathlib import Path; from services.devstack.process import Child, clean_environment;"
        f"child = Child('child', Path({str(tmp_path)!r}));"
        f"child.start({WAITING!r}, clean_environment()); time.sleep(600)"
    )
    environment = os.environ | {"PYTHONPATH": "."}
    with subprocess.Popen([sys.executable, "-c", parent_of_one], env=environment) as parent:  # noqa: ASYNC220
        child = Child("child", tmp_path)
        await eventually(lambda: "up" in child.log_tail(), what="the grandchild's first line")
        mark = ProcessMark(**json.loads((tmp_path / "child.pid").read_text()))
        assert mark.living() is not None
        parent.kill()
        parent.wait()
        await eventually(lambda: mark.living() is None, what="the end of the grandchild")


def test_nothing_that_could_mislead_a_child_reaches_it() -> None:
    misleading: Mapping[str, str] = {
        "http_proxy": "x", "HTTPS_PROXY": "x", "JAVA_TOOL_OPTIONS": "x", "CLASSPATH": "x", "KAFKA_OPTS": "x",
    }  # fmt: skip
    assert clean_environment({"OWN": "1"}, inherited={**misleading, "PATH": "/bin"}) == {"OWN": "1", "PATH": "/bin"}


def test_a_mark_of_a_process_that_is_gone_finds_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        mark = ProcessMark(pid=process.pid, started=psutil.Process(process.pid).create_time())
        process.wait()
    assert mark.living() is None
