"""`down` after a kill: what a dead supervisor left is ended, services first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil

from services.devstack.background import stop_stack
from services.devstack.process import ProcessMark
from services.devstack.state import READY, ChildState, StackState, read_state, write_state

WAITING = [sys.executable, "-c", "import time; time.sleep(600)"]


def child(name: str, process: subprocess.Popen[bytes] | None) -> ChildState:
    mark = None if process is None else ProcessMark.of(process.pid)
    return ChildState(name=name, process=mark, address="", log="")


async def test_what_a_killed_supervisor_left_is_ended_services_first(tmp_path: Path) -> None:
    with (
        subprocess.Popen(WAITING) as supervisor,  # noqa: ASYNC220
        subprocess.Popen(WAITING) as broker,  # noqa: ASYNC220
        subprocess.Popen(WAITING) as profiles,  # noqa: ASYNC220
    ):
        children = [child("broker", broker), child("database-0", None), child("profiles", profiles)]
        write_state(tmp_path, StackState(phase=READY, supervisor=ProcessMark.of(supervisor.pid), children=children))
        supervisor.kill()
        supervisor.wait()
        assert await stop_stack(tmp_path) == ["profiles", "broker"]
        assert not any(child.running for child in children)
        assert psutil.Process(broker.pid).status() == psutil.STATUS_ZOMBIE
    assert read_state(tmp_path) is None


async def test_where_nothing_ran_there_is_nothing_to_stop(tmp_path: Path) -> None:
    assert await stop_stack(tmp_path) is None
