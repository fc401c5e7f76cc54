"""On what an answer rests, and the instant it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from acquaint.recommendations.v1.introduction_pb2 import GraphPosition
from google.protobuf.timestamp_pb2 import Timestamp

from services.platform.clock import Clock
from services.platform.errors import invalid
from services.recommendations.graph import Position

_MICRO = 1_000_000
_FIRST = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """Where this replica stands: offsets of the state topics, records known and not folded, the ranker."""

    states: Callable[[], Mapping[str, int]]
    lag: Callable[[], int]
    ranker_version: str
    clock: Clock

    def message(self, position: Position, as_of_us: int) -> GraphPosition:
        """The position of an answer made at `as_of_us`, in microseconds since the epoch."""
        message = GraphPosition(
            sequence=position.sequence,
            rewrite_number=position.rewrite,
            state_positions=self.states(),
            ranker_version=self.ranker_version,
            lag=self.lag(),
        )
        message.as_of.FromMicroseconds(as_of_us)
        return message

    def instant(self, asked: Timestamp | None) -> int:
        """The instant to decay ties to, in microseconds; now, cut to the minute, where none is asked for.

        Raises ServiceError INVALID_ARGUMENT for one before 1990 or more than a day ahead.
        """
        now = self.clock.now()
        if asked is None:
            return int(now.timestamp()) // 60 * 60 * _MICRO
        latest = now + timedelta(days=1)
        if not _FIRST.timestamp() <= asked.seconds <= latest.timestamp():
            raise invalid("as_of", "must lie after 1990 and at most a day ahead")
        return asked.ToMicroseconds()
