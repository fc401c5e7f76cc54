"""Where the demo's stack lives: a directory of its own, emptied at the beginning, never another."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

from services.cli.connection import StackAddress, find
from services.cli.output import CommandFailed
from services.devstack.background import start_in_background, stop_stack
from services.devstack.errors import DevstackError
from services.devstack.state import default_data_dir

MARK = "demo"


def directory(data_dir: Path | None) -> Path:
    """The demo's data directory."""
    return (data_dir or default_data_dir() / "demo").resolve()


async def start(data_dir: Path, say: Callable[[str], None]) -> StackAddress:
    """Stops and forgets an earlier demo, and starts a fresh stack. Raises CommandFailed."""
    if foreign(data_dir):
        raise CommandFailed(f"{data_dir} holds something that is not a demo's; choose another --data-dir")
    try:
        if await stop_stack(data_dir):
            say("the stack of an earlier demo is stopped")
        await asyncio.to_thread(empty, data_dir)
        await start_in_background(data_dir, [], say)
    except DevstackError as error:
        raise CommandFailed(str(error)) from None
    return find(data_dir)


def foreign(data_dir: Path) -> bool:
    """Whether a directory holds something that no demo put there."""
    return data_dir.exists() and any(data_dir.iterdir()) and not (data_dir / MARK).is_file()


def empty(data_dir: Path) -> None:
    """Makes a fresh directory that is known as a demo's."""
    shutil.rmtree(data_dir, ignore_errors=True)
    data_dir.mkdir(parents=True)
    (data_dir / MARK).write_text("Emptied by the next `acquaint demo`.\n")


async def stop(data_dir: Path) -> None:
    """Stops the stack; its data stays. Raises CommandFailed."""
    try:
        await stop_stack(data_dir)
    except DevstackError as error:
        raise CommandFailed(str(error)) from None
