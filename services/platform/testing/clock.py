"""A clock that stands still until a test advances it; sleepers wake in the order of their due times."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import uuid
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class ManualClock:
    """A `Clock` whose chance is seeded and whose hands are moved by `advance`."""

    def __init__(self, start: datetime = START, *, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self._start = start
        self._elapsed = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), woken))
        await woken

    def new_id(self) -> str:
        return uuid.UUID(int=self.random.getrandbits(128), version=4).hex

    @property
    def sleeping(self) -> int:
        """How many are waiting for time to pass: wait for it before advancing."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    def advance(self, seconds: float) -> None:
        """Moves both hands and wakes everybody who is due; they run when the test next awaits."""
        self._elapsed += seconds
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
