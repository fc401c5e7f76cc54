"""What goes into the graph and what comes out of it, as plain values; all times are microseconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from services.recommendations.graph.numbers import DAY_US

# New ties, activity: what tells a newcomer or a busy week fades this much faster than ties do.
RECENT_SHARE = 4
SLOTS = 64
COMPANY_LIMIT = 50


class GraphError(Exception):
    """The graph cannot do what was asked."""


class SequenceGap(GraphError):
    """Records are missing before the given one: read them from the journal, nothing was applied."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"expected sequence {expected}, found {found}")
        self.expected = expected
        self.found = found


class FoldRecord(NamedTuple):
    """One record of the interactions journal. An empty `record_id` folds nothing and only moves the position.

    A tuple, because tens of thousands a second are made: a frozen dataclass takes three times as long.
    """

    sequence: int
    record_id: str
    time_us: int = 0
    kind: int = 0
    initiator: str = ""
    participants: tuple[str, ...] = ()
    source_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSettings:
    """After `half_life_days` a contact counts half. Records of sources left out move the position, nothing else."""

    organisation: str
    half_life_days: float = 120.0
    left_out_sources: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        if not self.half_life_us >= RECENT_SHARE:
            raise ValueError("half_life_days must be positive")

    @property
    def half_life_us(self) -> int:
        return int(self.half_life_days * DAY_US)

    @property
    def recent_half_life_us(self) -> int:
        return self.half_life_us // RECENT_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far the journal is folded: highest sequence applied, last rewrite included, offset to read next."""

    sequence: int = 0
    rewrite: int = 0
    next_offset: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Count, and sum modulo 2**64 of the blake2b-64 (little endian), of the ids of all records folded."""

    count: int = 0
    hash_sum: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldReport:
    """What one call of `fold` did; ignored records were folded before."""

    applied: int
    ignored: int
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """One of a person's strongest ties. Strength, counts and times never leave the service."""

    person_id: str
    strength: float
    sent: int
    received: int
    last_us: int
    kind: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """First and last contact of a pair, to the second."""

    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFigures:
    """`ties`: distinct people ever met; `strength` and `new_ties` are decayed sums (new ties four times as fast)."""

    strength: float
    ties: int
    first_seen_us: int
    last_active_us: int
    new_ties: float
