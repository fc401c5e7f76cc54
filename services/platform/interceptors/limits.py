"""Load is shed early and says when to come back: a token bucket per client, a cap on calls at the same time."""

from __future__ import annotations

from acquaint.errors.v1 import error_reason_pb2

from services.platform.clock import Clock
from services.platform.errors import exhausted
from services.platform.settings import RpcSettings

_MOST_CLIENTS = 50_000


class Quota:
    """A bucket of calls for each client: holds `quota_burst`, filled with `quota_per_second`."""

    def __init__(self, settings: RpcSettings, clock: Clock) -> None:
        self._rate = settings.quota_per_second
        self._burst = settings.quota_burst
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, client: str) -> None:
        """Takes one call; raises ServiceError RESOURCE_EXHAUSTED with the seconds until the next one is there."""
        if not self._rate:
            return
        now = self._clock.monotonic()
        left, at = self._buckets.get(client, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        if left < 1.0:
            self._buckets[client] = (left, now)
            raise exhausted(
                error_reason_pb2.ERROR_REASON_QUOTA_EXCEEDED,
                "the client's quota of calls is used up",
                (1.0 - left) / self._rate,
            )
        if len(self._buckets) >= _MOST_CLIENTS:
            self._buckets.clear()
        self._buckets[client] = (left - 1.0, now)


class Gate:
    """Counts calls at the same time; entered and left by the chain."""

    def __init__(self, most: int, clock: Clock) -> None:
        self._most = most
        self._clock = clock
        self.inside = 0

    def enter(self) -> None:
        """Raises ServiceError RESOURCE_EXHAUSTED if as many are inside as there may be."""
        if self.inside >= self._most:
            raise exhausted(
                error_reason_pb2.ERROR_REASON_QUOTA_EXCEEDED,
                "the server handles as many calls as it can",
                0.2 + 0.8 * self._clock.random.random(),
            )
        self.inside += 1

    def leave(self) -> None:
        self.inside -= 1
