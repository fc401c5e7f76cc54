"""How long to wait after a batch failed for the database's or a peer's sake: doubling, jittered, bounded, endless."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from services.platform.clock import Clock
from services.platform.errors import DependencyUnavailable, ServiceError
from services.platform.mongo import DatabaseError, DatabaseUnavailable

_PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
    }
)


def passes(error: BaseException) -> bool:
    """Whether a handler that raised `error` may well succeed later with the same records."""
    if isinstance(error, ServiceError):
        return error.code in _PASSING
    if isinstance(error, DatabaseError):
        # A labelled error is the transaction's business: its body is repeated.
        return isinstance(error, DatabaseUnavailable) or bool(error.labels)
    return isinstance(error, DependencyUnavailable | OSError | TimeoutError)


def described(error: BaseException) -> dict[str, Any]:
    """What a log line says of an error: its type where it passes, for an outage is long; else its frames too."""
    return {"error": type(error).__name__} if passes(error) else {"exc_info": error}


class Backoff:
    """One series of waits; a success ends the series."""

    def __init__(self, clock: Clock, first: float, longest: float) -> None:
        self._clock, self._first, self._longest = clock, first, longest
        self._failures = 0

    @property
    def fresh(self) -> bool:
        """Whether nothing has failed since the last success: only then is a failure news."""
        return self._failures == 0

    def reset(self) -> None:
        """The next wait is the first again."""
        self._failures = 0

    def next(self) -> float:
        """Seconds to wait now: between half and all of first·2ⁿ, never more than the longest."""
        whole: float = min(self._longest, self._first * 2 ** min(self._failures, 30))
        self._failures += 1
        share: float = self._clock.random.uniform(0.5, 1.0)
        return whole * share

    async def wait(self, interrupted: asyncio.Event) -> None:
        """Waits for `next()` seconds, or until `interrupted` is set."""
        await wait_at_most(self._clock, self.next(), interrupted)


async def wait_at_most(clock: Clock, seconds: float, event: asyncio.Event) -> None:
    """Returns when `event` is set, and after `seconds` at the latest."""
    tasks = {asyncio.ensure_future(clock.sleep(seconds)), asyncio.ensure_future(event.wait())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
