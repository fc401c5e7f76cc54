"""One child process: known by pid and start time, dies with its parent, orphans of earlier runs are stopped first."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from services.devstack.files import bound_log, tail, write_atomically

LEASH = Path(__file__).with_name("leash.py")
# What a child gets of our environment. Proxies, JAVA_TOOL_OPTIONS, CLASSPATH and KAFKA_* are left out on purpose.
KEPT_ENVIRONMENT = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE")


def clean_environment(
    extra: Mapping[str, str] | None = None, *, inherited: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The few variables that a child needs of those `inherited`, and `extra`."""
    return {name: inherited[name] for name in KEPT_ENVIRONMENT if name in inherited} | dict(extra or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessMark:
    """A process, told apart from a later one with the same pid by when it started (seconds since 1970)."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> ProcessMark:
        """The mark of a process that lives now; raises psutil.NoSuchProcess."""
        return cls(pid=pid, started=psutil.Process(pid).create_time())

    def living(self) -> psutil.Process | None:
        """The process itself while it lives, else None."""
        try:
            process = psutil.Process(self.pid)
            # The start time is derived from the time of boot, which the system's clock moves a little.
            same = abs(process.create_time() - self.started) < 2.0
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


async def end(process: psutil.Process, grace: float) -> None:
    """Asks a process that is not our child to stop, and ends it when `grace` seconds were not enough."""
    for ask, patience in ((process.terminate, grace), (process.kill, 10.0)):
        try:
            process.resume()  # a frozen process hears nothing but SIGKILL
            ask()
        except psutil.Error:
            return
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return
            await asyncio.sleep(0.02)


class Child:
    """A child with a pid file and a log in `directory`. May be started again after it ended."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        self._pid_file = directory / f"{name}.pid"
        self._process: subprocess.Popen[bytes] | None = None
        self.mark: ProcessMark | None = None

    @property
    def running(self) -> bool:
        """True while the process exists (also when it is paused)."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code of the last run, negative for a signal; None while it runs or before it ever did."""
        return None if self._process is None else self._process.poll()

    async def end_orphan(self, grace: float = 10.0) -> bool:
        """Stops what an earlier owner left running; True when there was something. The caller owns the directory."""
        try:
            kept = json.loads(self._pid_file.read_text())
            process = ProcessMark(pid=int(kept["pid"]), started=float(kept["started"])).living()
        except (OSError, ValueError, KeyError, TypeError):
            return False
        if process is not None:
            await end(process, grace)
        self._pid_file.unlink(missing_ok=True)
        return process is not None

    def start(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path | None = None) -> None:
        """Starts the command, its output appended to the log. The calling thread must live as long as the child."""
        bound_log(self.log)
        leashed = list(command)
        if sys.platform == "linux":
            leashed = [sys.executable, "-IS", str(LEASH), str(os.getpid()), *command]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                leashed,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=cwd,
                start_new_session=True,  # Ctrl-C is for the one who stops the others in order
            )
        self.mark = ProcessMark.of(self._process.pid)
        write_atomically(self._pid_file, json.dumps(asdict(self.mark)))

    async def wait(self, seconds: float) -> bool:
        """True when it has ended within `seconds`."""
        deadline = time.monotonic() + seconds
        while self.running:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.01)
        return True

    async def stop(self, grace: float = 10.0) -> None:
        """Asks it to stop (SIGTERM), ends it after `grace` seconds, and forgets it."""
        if self.running:
            self._signal(signal.SIGCONT)
            self._signal(signal.SIGTERM)
            if not await self.wait(grace):
                await self.kill()
        self._pid_file.unlink(missing_ok=True)

    async def kill(self) -> None:
        """Ends it at once (SIGKILL) and waits until it is gone."""
        self._signal(signal.SIGKILL)
        await self.wait(10.0)

    async def pause(self) -> None:
        """Freezes it (SIGSTOP): its connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    async def resume(self) -> None:
        """Lets it go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def log_tail(self) -> str:
        """The end of the log, for an error text."""
        return tail(self.log)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
