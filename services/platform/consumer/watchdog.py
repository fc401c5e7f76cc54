"""Ends a process whose consumer hangs, and no other: an outage, a pause or an empty topic never restarts anybody.

Known client hangs (alive but stuck after the cluster restarted) are cured by a new process only.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from services.platform.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One look at a subscription: did broker and database answer, what is its lag, where are its positions."""

    answered: bool
    lag: int
    positions: Hashable
    paused: bool
    backing_off: bool


class Watchdog:
    """Counts for how long nothing moved although everything allowed it."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self._positions: Hashable = None
        self._since: float | None = None

    def look(self, sight: Sight) -> bool:
        """Takes in a look; True when nothing has moved for `seconds` with lag, all answering and nothing held."""
        free = sight.answered and sight.lag > 0 and not sight.paused and not sight.backing_off
        if not free or sight.positions != self._positions or self._since is None:
            self._positions = sight.positions
            self._since = self._clock.monotonic() if free else None
            return False
        return self._clock.monotonic() - self._since >= self._seconds
