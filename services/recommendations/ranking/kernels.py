"""The numeric half of the two-hop ranker: a walk over two rows of ties, and a closer look at the best it found.

Adds with no branch into an accumulator as long as the list of people and keeps a list of those it touched; the
accumulator is zero again afterwards.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from services.recommendations.graph.compiled import BoolArray, FloatArray, IntArray, kernel
from services.recommendations.graph.model import SLOTS
from services.recommendations.graph.numbers import log_of_one_plus
from services.recommendations.graph.pairs import find_pair
from services.recommendations.graph.rows import find_slot
from services.recommendations.graph.state import MOVERS, State

MIDDLE = 3
MOST_TOUCHED = SLOTS * (SLOTS + 1) + MOVERS
# Makes every touched entry differ from zero, whatever has decayed.
_TRACE = 1e-300


class Weights(NamedTuple):
    """How the parts of a score are added up. `few`: with fewer candidates than this, those who lately made new ties
    are looked at too; `movers` is their weight."""

    company: float
    movers: float
    affinity: float
    few: int
    include_met: bool


@kernel
def candidates_of(
    state: State,
    person: int,
    visible: BoolArray,
    eligible: BoolArray,
    decay: float,
    recent_decay: float,
    weights: Weights,
    similar: IntArray,
    similarity: FloatArray,
    total: FloatArray,
    touched: IntArray,
    scores: FloatArray,
) -> int:
    """Scores everybody within two steps, in company with, or similar to `person`; returns how many there are.

    `total`: zeros, one per person, zeros again afterwards. `touched`, `scores`: room for MOST_TOUCHED + len(similar)
    + 1; the answer stands in their first entries, dense ids and scores, in no particular order.
    """
    ties, company, people = state.ties, state.company, state.people
    count = 0
    start = ties.offset[person]
    for near in range(start, start + ties.length[person]):
        middle = ties.peer[near]
        if not visible[middle]:
            continue
        through = log_of_one_plus(ties.weight[near] * decay) / math.sqrt(people.strength[middle] * decay + _TRACE)
        first = ties.offset[middle]
        for far in range(first, first + ties.length[middle]):
            other = ties.peer[far]
            touched[count] = other
            count += total[other] == 0.0
            total[other] += through * log_of_one_plus(ties.weight[far] * decay) + _TRACE
    for place in range(count):
        other = touched[place]
        strength = people.strength[other] * decay
        total[other] = total[other] / math.sqrt(math.sqrt(math.sqrt(strength + _TRACE))) + _TRACE
    start = company.offset[person]
    for near in range(start, start + company.length[person]):
        other = company.peer[near]
        touched[count] = other
        count += total[other] == 0.0
        total[other] += weights.company * log_of_one_plus(company.weight[near] * decay) + _TRACE
    for place in range(len(similar)):
        other = similar[place]
        touched[count] = other
        count += total[other] == 0.0
        total[other] += weights.affinity * similarity[place] + _TRACE
    if weights.movers > 0.01 or count < weights.few:
        for place in range(min(MOVERS, state.ledger.movers_made[0])):
            other = state.ledger.movers[place]
            touched[count] = other
            count += total[other] == 0.0
            total[other] += _TRACE
    kept = 0
    for place in range(count):
        other = touched[place]
        score = total[other]
        total[other] = 0.0
        if (
            other != person
            and other < len(eligible)
            and eligible[other]
            and visible[other]
            and (weights.include_met or find_pair(state.pairs, person, other) < 0)
        ):
            new_ties = (people.made[other] + people.received[other]) * recent_decay
            touched[kept] = other
            scores[kept] = score + weights.movers * log_of_one_plus(new_ties)
            kept += 1
    return kept


@kernel
def evidence_of(
    state: State,
    person: int,
    others: IntArray,
    visible: BoolArray,
    decay: float,
    total: FloatArray,
    best: FloatArray,
    common: IntArray,
    shared: IntArray,
    middle: IntArray,
) -> None:
    """For each of `others`: people in common, kind of the last company (−1: none), the MIDDLE strongest in common
    (−1: fewer), into `common` (n), `shared` (n), `middle` (n × MIDDLE). `total` as for `candidates_of`; `best`:
    scratch for MIDDLE."""
    ties, company = state.ties, state.company
    start = ties.offset[person]
    after = start + ties.length[person]
    for near in range(start, after):
        peer = ties.peer[near]
        if visible[peer]:
            strength = state.people.strength[peer] * decay
            total[peer] = log_of_one_plus(ties.weight[near] * decay) / math.sqrt(strength + _TRACE) + _TRACE
    for place in range(len(others)):
        other = others[place]
        common[place] = 0
        for rank in range(MIDDLE):
            middle[place, rank] = -1
            best[rank] = -1.0
        first = ties.offset[other]
        for far in range(first, first + ties.length[other]):
            peer = ties.peer[far]
            if total[peer] > 0.0:
                common[place] += 1
                strength = total[peer] * log_of_one_plus(ties.weight[far] * decay)
                rank = MIDDLE
                while rank > 0 and strength > best[rank - 1]:
                    rank -= 1
                    if rank + 1 < MIDDLE:
                        best[rank + 1] = best[rank]
                        middle[place, rank + 1] = middle[place, rank]
                if rank < MIDDLE:
                    best[rank] = strength
                    middle[place, rank] = peer
        slot = find_slot(company, person, other)
        if slot < 0:
            slot = find_slot(company, other, person)
        shared[place] = company.kind[slot] if slot >= 0 else -1
    for near in range(start, after):
        total[ties.peer[near]] = 0.0
