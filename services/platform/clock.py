"""All time and randomness of the product come through one `Clock`, so that tests can drive them.

`now()` is only ever shown or compared with settings; order and duration are taken from `monotonic()`.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The time, the waiting and the chance that a component may use."""

    @property
    def random(self) -> random.Random:
        """The only source of chance: jitter, sampling, backoff."""
        ...

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary instant of this process; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Returns when `seconds` have passed on `monotonic()`."""
        ...

    def new_id(self) -> str:
        """An identifier nobody else has: 32 hexadecimal digits."""
        ...


class SystemClock:
    """The machine's own clock and operating-system entropy."""

    def __init__(self) -> None:
        self.random = random.Random()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def new_id(self) -> str:
        return uuid.uuid4().hex
