"""Quiet hours in a person's own zone, right across daylight-saving changes: nothing is due inside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """The local times from which (inclusive) and until which (exclusive) a person is left alone; equal means never.

    The span may cross midnight.
    """

    start: time
    end: time

    def quiet(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether the aware instant `at` lies inside the quiet hours of `zone`."""
        local = at.astimezone(zone).time()
        if self.start == self.end:
            return False
        if self.start < self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end

    def next_allowed(self, at: datetime, zone: ZoneInfo) -> datetime:
        """The earliest whole minute (UTC) from `at` on, or `at` itself, that is outside the quiet hours of `zone`."""
        if not self.quiet(at, zone):
            return at
        local = at.astimezone(zone).time()
        wait = (minutes(self.end) - minutes(local)) % (24 * 60)
        # No clock change shifts the local time by more than three hours, so nothing before that margin can be allowed.
        candidate = at.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=max(1, wait - 180))
        while self.quiet(candidate, zone):
            candidate += timedelta(minutes=1)
        return candidate


def minutes(local: time) -> int:
    """Minutes after midnight."""
    return local.hour * 60 + local.minute
