"""What runs in a data directory, written down so that another process can show it, use it and stop it."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from services.devstack.files import write_atomically
from services.devstack.process import ProcessMark, end

STARTING, READY, STOPPING = "starting", "ready", "stopping"
BROKER, DATABASE = "broker", "database"


def default_data_dir() -> Path:
    """`.acquaint` of the checkout, else of the working directory."""
    checkout = Path(__file__).resolve().parents[2]
    return (checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()) / ".acquaint"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildState:
    """One child: its name, the process, where it is reached (host:port or a connection string) and its log file."""

    name: str
    process: ProcessMark | None
    address: str
    log: str

    @property
    def running(self) -> bool:
        """True while its process lives."""
        return self.process is not None and self.process.living() is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class StackState:
    """The stack of one data directory, as its supervisor last wrote it."""

    phase: str
    supervisor: ProcessMark
    children: Sequence[ChildState]

    @property
    def running(self) -> bool:
        """True while the supervisor lives."""
        return self.supervisor.living() is not None

    @property
    def ready(self) -> bool:
        """True when everything was up and the supervisor lives."""
        return self.phase == READY and self.running

    def address(self, name: str) -> str:
        """Where the child called `name` is reached; raises KeyError."""
        for child in self.children:
            if child.name == name:
                return child.address
        raise KeyError(name)

    def memory(self) -> int:
        """Bytes that the living processes hold (proportional where the system tells, else resident)."""
        marks = [self.supervisor, *(child.process for child in self.children if child.process is not None)]
        return sum(_memory_of(process) for mark in marks if (process := mark.living()) is not None)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_json`; raises KeyError or TypeError for anything else."""
        children = [
            ChildState(**{**child, "process": ProcessMark(**child["process"]) if child["process"] else None})
            for child in data["children"]
        ]
        return cls(phase=data["phase"], supervisor=ProcessMark(**data["supervisor"]), children=children)


def _memory_of(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))
    except psutil.Error:
        return 0


def state_file(data_dir: Path) -> Path:
    """Where the state of a data directory is kept."""
    return data_dir / "stack.json"


def read_state(data_dir: Path) -> StackState | None:
    """The last state written, whether or not its processes still live; None when there is none."""
    try:
        return StackState.from_json(json.loads(state_file(data_dir).read_text()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_state(data_dir: Path, state: StackState) -> None:
    """Replaces the state."""
    write_atomically(state_file(data_dir), json.dumps(state.to_json(), indent=1))


def development_key(data_dir: Path) -> str:
    """The key of the stack's development tokens, made on first use and readable by its owner only."""
    path = data_dir / "development.key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        data_dir.mkdir(parents=True, exist_ok=True)
        key = secrets.token_urlsafe(48)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key)
        return key


async def clean_up(data_dir: Path, state: StackState) -> list[str]:
    """Stops what a killed supervisor left, services before database and broker; returns the names of the stopped."""
    stopped = []
    for child in sorted(state.children, key=lambda child: child.name.startswith((BROKER, DATABASE))):
        if child.process is not None and (process := child.process.living()) is not None:
            await end(process, grace=15.0)
            stopped.append(child.name)
    state_file(data_dir).unlink(missing_ok=True)
    return stopped
