"""What can keep the local stack from starting, each said in one sentence that names the cure."""

from __future__ import annotations

from pathlib import Path


class DevstackError(Exception):
    """The local stack cannot do what was asked; the text is one sentence for the person at the terminal."""


class Missing(DevstackError):
    """Nothing on this machine can serve; the text says what to install."""


class PortTaken(DevstackError):
    """A port that was asked for by number is in use by another program."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(f"port {port} for {name} is taken by another program; give another one or none")
        self.port = port


class DirectoryInUse(DevstackError):
    """A living stack already owns the data directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"{directory} is in use by a running stack; stop it first (`acquaint down`) or use another one"
        )
        self.directory = directory


class StartFailed(DevstackError):
    """A child ended or stayed silent before it was ready; the text holds the end of its log."""

    def __init__(self, name: str, why: str, log: str) -> None:
        super().__init__(f"{name} did not start: {why}" + (f"\n{log}" if log else ""))
