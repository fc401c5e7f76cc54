"""Follows the log files of several children and hands over their new lines, each with the name of the child."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

AT_ONCE = 1 << 20


class LogFollower:
    """Gives `line(name, text)` for what was written since the last look. Half a line waits for its other half."""

    def __init__(self, logs: Mapping[str, Path], line: Callable[[str, str], None]) -> None:
        self._logs = dict(logs)
        self._line = line
        self._read = {name: path.stat().st_size if path.exists() else 0 for name, path in self._logs.items()}
        self._rest = dict.fromkeys(self._logs, b"")

    def look(self) -> None:
        """Hands over the lines that have become complete since the last look."""
        for name, path in self._logs.items():
            try:
                size = path.stat().st_size
                if size < self._read[name]:  # it was set aside and begun anew
                    self._read[name], self._rest[name] = 0, b""
                if size == self._read[name]:
                    continue
                with path.open("rb") as log:
                    log.seek(self._read[name])
                    new = log.read(AT_ONCE)
            except OSError:
                continue
            self._read[name] += len(new)
            *lines, self._rest[name] = (self._rest[name] + new).split(b"\n")
            for text in lines:
                self._line(name, text.decode(errors="replace").rstrip("\r"))
