"""A stack in a process of its own: started from here, found again by its data directory, stopped from anywhere."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from services.devstack.errors import DevstackError, StartFailed
from services.devstack.files import bound_log, tail
from services.devstack.finders import Docker, Machine, broker_runtime
from services.devstack.jars import class_path
from services.devstack.logs import LogFollower
from services.devstack.state import StackState, clean_up, read_state, state_file

LOG = "stack.log"


async def start_in_background(
    data_dir: Path, arguments: Sequence[str], say: Callable[[str], None], *, seconds: float = 300.0
) -> StackState:
    """Starts `python -m services.devstack` with `arguments` and returns when its stack is ready.

    What it says is passed on. A stack that is already ready there is left alone and returned. Raises DevstackError.
    """
    running = read_state(data_dir)
    if running is not None and running.ready:
        return running
    await asyncio.to_thread(_fetch)
    log = data_dir / LOG
    bound_log(log)
    follower = LogFollower({LOG: log}, lambda _, line: say(line))
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: ASYNC220 - it outlives this event loop and returns at once
            [sys.executable, "-m", "services.devstack", "--data-dir", str(data_dir), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        state = read_state(data_dir)
        ended = process.poll() is not None
        follower.look()
        if ended:
            raise DevstackError(f"the stack ended before it was ready; its log is {log}")
        if state is not None and state.ready and state.supervisor.pid == process.pid:
            process.returncode = 0  # from here on it is nobody's child, which Popen would warn about
            return state
        if asyncio.get_running_loop().time() > deadline:
            process.terminate()
            raise StartFailed("the stack", f"it was not ready within {seconds:.0f} s", tail(log))
        await asyncio.sleep(0.1)


def _fetch() -> None:
    """Fetches what the broker needs here, where its progress can be seen."""
    if not isinstance(broker_runtime(Machine()), Docker):
        class_path()


async def stop_stack(data_dir: Path, *, seconds: float = 90.0) -> list[str] | None:
    """Stops the stack of `data_dir` in order, or what a killed one left.

    Returns the names of what ran, or None when nothing did. Raises DevstackError when it does not stop in time.
    """
    state = read_state(data_dir)
    if state is None:
        return None
    supervisor = state.supervisor.living()
    if supervisor is None:
        return await clean_up(data_dir, state) or None
    names = [child.name for child in state.children if child.running]
    supervisor.send_signal(signal.SIGTERM)
    deadline = asyncio.get_running_loop().time() + seconds
    while state.running or state_file(data_dir).exists():
        if not state.running and (left := read_state(data_dir)) is not None:
            await clean_up(data_dir, left)
        if asyncio.get_running_loop().time() > deadline:
            raise DevstackError(f"the stack did not stop within {seconds:.0f} s; its process is {supervisor.pid}")
        await asyncio.sleep(0.1)
    return names
