"""A stack in the foreground of this process: stopped in order by the first signal, at once by the second."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from services.devstack.errors import DevstackError
from services.devstack.supervisor import Report, Stack, StackOptions

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def serve(
    options: StackOptions, report: Report, *, ready: Callable[[Stack], None], ephemeral: bool = False
) -> None:
    """Starts the stack, calls `ready` once it serves, and keeps it alive until a signal. Raises DevstackError.

    With `ephemeral` everything, the given data directory too, is kept below a temporary one and gone at the end.
    """
    if ephemeral:
        options = replace(options, data_dir=Path(tempfile.mkdtemp(prefix="acquaint-")))
        report.say(f"data in {options.data_dir} until the stack stops")
    stack = Stack(options, report)
    living = asyncio.create_task(_live(stack, ready))
    asked = 0

    def stop() -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            os._exit(130)  # the children die with us, and the next start cleans up
        report.say("stopping")
        living.cancel()

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        await living
    except asyncio.CancelledError:
        if not asked:
            raise
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
        if ephemeral:
            shutil.rmtree(options.data_dir, ignore_errors=True)


async def _live(stack: Stack, ready: Callable[[Stack], None]) -> None:
    try:
        await stack.start()
        ready(stack)
        await stack.watch()
    except BaseExceptionGroup as failures:
        raise DevstackError(f"the stack stopped: {failures.exceptions[0]}") from failures
    finally:
        # Shielded: a signal that comes while it stops is for `serve` to count, not to cut this short.
        await asyncio.shield(stack.stop())
