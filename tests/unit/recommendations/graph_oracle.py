"""The fold and the two-hop score once more, slowly: dictionaries and the formulas as they are written down."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.recommendations.graph import FoldRecord, GraphSettings

Pair = tuple[str, str]


def pair(a: str, b: str) -> Pair:
    return (a, b) if a < b else (b, a)


@dataclass
class Oracle:
    """Everything as of one instant; knows no limit of slots."""

    settings: GraphSettings
    as_of_us: int
    tie: dict[Pair, float] = field(default_factory=lambda: defaultdict(float))
    company: dict[Pair, float] = field(default_factory=lambda: defaultdict(float))
    company_last: dict[Pair, tuple[int, int]] = field(default_factory=dict)
    sent: dict[Pair, int] = field(default_factory=lambda: defaultdict(int))
    met: dict[Pair, tuple[int, int]] = field(default_factory=dict)
    strength: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    new_ties: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)
    made: float = 0.0
    closed: float = 0.0

    def fold(self, records: Sequence[FoldRecord]) -> Oracle:
        for record in records:
            if record.record_id and record.source_id not in self.settings.left_out_sources:
                self._fold(record)
        return self

    def peers(self, person: str) -> set[str]:
        return {b if a == person else a for a, b in self.met if person in (a, b)}

    def _fold(self, record: FoldRecord) -> None:
        others = [one for one in dict.fromkeys(record.participants) if one not in ("", record.initiator)]
        if not others:
            return
        age = self.as_of_us - record.time_us
        weight = 2.0 ** max(-age / self.settings.half_life_us, -1080)
        recent = 2.0 ** max(-age / self.settings.recent_half_life_us, -1080)
        second = max(record.time_us // 1_000_000, 1)
        for person in [*others, *([record.initiator] if record.initiator else [])]:
            first, last = self.seen.get(person, (second, second))
            self.seen[person] = (min(first, second), max(last, second))
        if record.initiator:
            for other in others:
                self._contact(record.initiator, other, weight, recent, second)
        if 2 <= len(others) <= 50:
            for index, a in enumerate(others):
                for b in others[index + 1 :]:
                    key = pair(a, b)
                    self.company[key] += weight / (len(others) - 1)
                    self.company_last[key] = max(
                        self.company_last.get(key, (0, 0)), (second, record.kind), key=lambda known: known[0]
                    )
                    if self.company_last[key][0] == second:
                        self.company_last[key] = (second, record.kind)

    def _contact(self, a: str, b: str, weight: float, recent: float, second: int) -> None:
        key = pair(a, b)
        if key not in self.met:
            if self.peers(a) and self.peers(b):
                self.made += weight
                self.closed += weight * bool(self.peers(a) & self.peers(b))
            self.new_ties[a] += recent
            self.new_ties[b] += recent
        first, last = self.met.get(key, (second, second))
        self.met[key] = (min(first, second), max(last, second))
        self.tie[key] += weight
        self.sent[a, b] += 1
        self.strength[a] += weight
        self.strength[b] += weight

    def score(self, a: str, b: str, hidden: frozenset[str] = frozenset()) -> float:
        """As in the docstring of the ranker; 0 ** 0 for parts that are not there."""
        share = (self.closed + 18) / (self.made + 20)
        movers = min(10 * ((1 - share) / max(share, 1e-3)) ** 3, 100)
        total = movers * math.log1p(self.new_ties[b])
        for middle in (self.peers(a) & self.peers(b)) - hidden:
            through = math.log1p(self.tie[pair(a, middle)]) * math.log1p(self.tie[pair(middle, b)])
            total += through / math.sqrt(self.strength[middle]) / self.strength[b] ** 0.125
        return total + 0.5 * math.log1p(self.company.get(pair(a, b), 0.0))
