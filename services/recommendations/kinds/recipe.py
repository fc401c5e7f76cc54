"""What a kind declares: whom it leaves out before scoring, how its list is put together, who is asked first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import blake2b
from math import floor
from typing import Protocol

from services.recommendations.domain.kinds import Kind
from services.recommendations.domain.people import Person
from services.recommendations.domain.reasons import Reason
from services.recommendations.ranking import Evidence


class Asking(Enum):
    """Who is asked first, and so what each may know when."""

    ALL_AT_ONCE = auto()


class Announced(Enum):
    """What the enterprise may know of a kind."""

    OTHER = auto()


class Bonds(Protocol):
    """What stands between people beyond what one of them says: who reports to whom, who barred whom."""

    def reports(self, person_id: str) -> Iterable[str]: ...
    def barred_by(self, person_id: str) -> Iterable[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One kind. `own_unit_share` is the most of a list that may come from the asker's unit while there are others;
    `minutes` is what one introduction takes of a time budget; `reasons` gives at least one reason, all true."""

    kind: Kind
    asking: Asking
    announced: Announced
    include_met: bool
    own_unit_share: float
    minutes: int
    left_out: Callable[[Person, Bonds], set[str]]
    reasons: Callable[[Person, Person, Evidence], Sequence[Reason]]

    def own_unit_turn(self, person_id: str, period: int) -> bool:
        """Whether the own unit counts like any other in consideration number `period` of a person.

        True in `own_unit_share` of a person's considerations, evenly spread; where people begin differs, so that the
        share holds on every day as well. In the others the own unit comes last.
        """
        offset = int.from_bytes(blake2b(person_id.encode(), digest_size=2).digest()) + period
        return floor((offset + 1) * self.own_unit_share) > floor(offset * self.own_unit_share)
