"""What a ranker is given and what it answers: a pure function of graph position, instant, masks and its version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.recommendations.graph import Graph, Position
from services.recommendations.graph.compiled import BoolArray, FloatArray, IntArray

# "Several colleagues in common" may be said of a pair only when it gives nobody away.
FEWEST_IN_COMMON = 2
FEWEST_TIES = 5


@dataclass(frozen=True, slots=True)
class Affinity:
    """Similarity of profiles to one person: `values[i]` in 0..1 for the person with dense id `people[i]`, each once;
    ids that the graph does not know are passed over. Raises ValueError when the two differ in length."""

    people: IntArray
    values: FloatArray

    def __post_init__(self) -> None:
        if len(self.people) != len(self.values):
            raise ValueError(f"{len(self.people)} people but {len(self.values)} values")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is true of a pair, for reasons and filters. `middle` holds the strongest people in common, best first, and
    is never shown; `shared_kind` is the kind of the last interaction in which both took part without direct contact,
    None if there was none; `asker_ties` and `candidate_ties` count distinct people ever met."""

    common: int
    asker_ties: int
    candidate_ties: int
    shared_kind: int | None
    middle: tuple[str, ...]

    @property
    def several_in_common(self) -> bool:
        """Whether "several colleagues in common" may be said."""
        return self.common >= FEWEST_IN_COMMON and min(self.asker_ties, self.candidate_ties) >= FEWEST_TIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One candidate; `index` is the dense id of the graph that was asked."""

    person_id: str
    index: int
    score: float
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Candidates by falling score, equal scores by person id, and all that the order depends on."""

    person_id: str
    position: Position
    version: str
    as_of_us: int
    candidates: tuple[Candidate, ...]


class Ranker(Protocol):
    """Ranks people whom somebody might meet."""

    @property
    def version(self) -> str: ...

    def rank(
        self,
        graph: Graph,
        person_id: str,
        *,
        as_of_us: int,
        limit: int,
        eligible: BoolArray | None = None,
        affinity: Affinity | None = None,
        include_met: bool = False,
    ) -> Ranking:
        """At most `limit` candidates for a person, none for somebody hidden or unknown to the graph.

        `eligible`: np.bool_ per dense id, False = not to be scored; people beyond its end are not eligible; without it
        everybody is. Hidden people and the person are never candidates; those ever met only with `include_met`.
        """
        ...

    def rank_batch(
        self,
        graph: Graph,
        person_ids: Sequence[str],
        *,
        as_of_us: int,
        limit: int,
        eligible: BoolArray | None = None,
        affinities: Mapping[str, Affinity] | None = None,
        include_met: bool = False,
    ) -> list[Ranking]:
        """The rankings of several people, in their order; each has its own position."""
        ...

    def explain(self, graph: Graph, person_id: str, others: Sequence[str], *, as_of_us: int) -> list[Evidence]:
        """The evidence for pairs that were found in another way; empty evidence for people unknown or hidden."""
        ...
