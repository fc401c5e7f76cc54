"""A background task never dies in silence: its death ends the process with a non-zero exit code.

The runtime says what a death leads to; outside it (in tests) the event loop's exception handler is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

OnDeath = Callable[[str, BaseException], None]


class TaskEnded(Exception):
    """A task that has no end came to one."""


on_death: ContextVar[OnDeath | None] = ContextVar("on_death", default=None)


def supervised_task(name: str, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Starts a task that ends only by cancellation or while the process stops; anything else is a death."""
    told = on_death.get()
    task = asyncio.create_task(coroutine, name=name)

    def ended(task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if told is not None:
            told(name, error or TaskEnded(f"{name} ended by itself"))
        elif error is not None:
            task.get_loop().call_exception_handler(
                {"message": f"supervised task {name} died", "exception": error, "task": task}
            )

    task.add_done_callback(ended)
    return task
