"""Small promises about files: written whole or not at all, one owner per directory, logs that stay bounded."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from services.devstack.errors import DirectoryInUse

LOG_LIMIT = 16 * 1024 * 1024


def write_atomically(path: Path, text: str) -> None:
    """Replaces the file in one step, so that a reader or a crash never meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    new.write_text(text)
    new.replace(path)


def tail(path: Path, lines: int = 25) -> str:
    """The last lines of a log, or an empty text when there is none."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 16_384))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def bound_log(path: Path, limit: int = LOG_LIMIT) -> None:
    """Sets a log that outgrew `limit` bytes aside as `<name>.1`, where it replaces the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > limit:
        path.replace(path.with_name(path.name + ".1"))


class DirectoryLock:
    """One living owner per directory. The kernel lets go when the owner dies, so a crash leaves nothing behind."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._handle: int | None = None

    @property
    def held(self) -> bool:
        """True while we own the directory."""
        return self._handle is not None

    def acquire(self) -> None:
        """Takes the directory, or raises DirectoryInUse; taking it again is harmless."""
        if self._handle is not None:
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._directory / ".owner", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise DirectoryInUse(self._directory) from None
        self._handle = handle

    def release(self) -> None:
        """Gives the directory back; harmless when it was not taken."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
