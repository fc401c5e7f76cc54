"""Tests wait for what they want to see instead of sleeping; what never comes fails with its name."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable


async def eventually(
    condition: Callable[[], bool | Awaitable[bool]], timeout: float = 10.0, what: str = "the condition"
) -> None:
    """Returns as soon as `condition` holds; raises AssertionError naming `what` after `timeout` seconds."""
    end = time.monotonic() + timeout
    pause = 0.001
    while True:
        outcome = condition()
        if inspect.isawaitable(outcome):
            outcome = await outcome
        if outcome:
            return
        if time.monotonic() >= end:
            raise AssertionError(f"{what} did not come about within {timeout:g} s")
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.05)
