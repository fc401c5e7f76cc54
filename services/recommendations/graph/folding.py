"""The fold: one pass over records in the order of their sequences, the same whatever the batches.

Contact: the initiator with each participant. Co-presence: the participants among each other, weight 1/(number − 1),
none in companies above 50. Every sum is taken in the order of records, so equal journals give equal bits.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from services.recommendations.graph.compiled import ByteArray, FloatArray, IntArray, LongArray, kernel
from services.recommendations.graph.model import COMPANY_LIMIT, SLOTS
from services.recommendations.graph.numbers import BASE_STEP, MICROSECONDS, REBASE_AFTER, forward_weight
from services.recommendations.graph.pairs import Pairs, add_pair
from services.recommendations.graph.rows import GROWTH_OF_ONE_ROW, Rows, add_to_row, scale_rows, share_a_peer
from services.recommendations.graph.state import MOVERS, UNSET, Ledger, People, State

LAST_SECOND = 4_294_967_295


class Columns(NamedTuple):
    """Records as columns: those of record i are people[start[i]:start[i + 1]], its initiator first, −1 = nobody."""

    time_us: LongArray
    kind: ByteArray
    start: LongArray
    people: IntArray


class Room(NamedTuple):
    """Upper bounds of what one record can take: slots of ties, slots of company, pairs."""

    ties: int
    company: int
    pairs: int


def room_for(participants: int) -> Room:
    return Room(
        ties=participants * SLOTS + GROWTH_OF_ONE_ROW,
        company=participants * GROWTH_OF_ONE_ROW if participants <= COMPANY_LIMIT else 0,
        pairs=participants,
    )


@kernel
def scale(sums: FloatArray, factor: float) -> None:
    for index in range(len(sums)):
        sums[index] *= factor


@kernel
def rebased(
    ties: Rows, company: Rows, people: People, ledger: Ledger, which: int, time_us: int, half_life_us: int
) -> None:
    """Moves a base on when weights would outgrow the number format: all sums times a power of two."""
    whole = time_us // half_life_us
    base = ledger.base[which]
    if base == UNSET:
        ledger.base[which] = whole // BASE_STEP * BASE_STEP
    elif whole - base >= REBASE_AFTER:
        moved = whole // BASE_STEP * BASE_STEP
        factor = math.ldexp(1.0, base - moved)
        ledger.base[which] = moved
        if which == 0:
            scale_rows(ties, factor)
            scale_rows(company, factor)
            scale(people.strength, factor)
            scale(ledger.closure, factor)
        else:
            scale(people.made, factor)
            scale(people.received, factor)


@kernel
def seen(people: People, person: int, second: int) -> None:
    if people.first[person] == 0 or second < people.first[person]:
        people.first[person] = second
    people.last[person] = max(people.last[person], second)


@kernel
def note_mover(ledger: Ledger, person: int) -> None:
    made = ledger.movers_made[0]
    ledger.movers[made % MOVERS] = person
    ledger.movers_made[0] = made + 1


@kernel
def add_contact(
    ties: Rows,
    pairs: Pairs,
    people: People,
    ledger: Ledger,
    a: int,
    b: int,
    weight: float,
    recent: float,
    second: int,
    kind: int,
) -> None:
    """`a` was in touch with `b`, by a's act."""
    known = people.degree[a] > 0 and people.degree[b] > 0
    if add_pair(pairs, a, b, second):
        if known:
            ledger.closure[0] += weight
            if share_a_peer(ties, a, b):
                ledger.closure[1] += weight
        people.degree[a] += 1
        people.degree[b] += 1
        people.made[a] += recent
        people.received[b] += recent
        note_mover(ledger, a)
        note_mover(ledger, b)
    add_to_row(ties, a, b, weight, 1, 0, second, kind)
    add_to_row(ties, b, a, weight, 0, 1, second, kind)
    people.strength[a] += weight
    people.strength[b] += weight


@kernel
def fold_columns(
    state: State,
    columns: Columns,
    begin: int,
    end: int,
    half_life_us: int,
    recent_half_life_us: int,
    present: IntArray,
) -> int:
    """Folds records begin..end−1; returns the first it did not fold because room was short (see `room_for`), or
    `end`. `present`: scratch as long as the most participants of one record."""
    ties, company, pairs, people, ledger = state
    for record in range(begin, end):
        first, after = columns.start[record], columns.start[record + 1]
        size = after - first - 1
        if (
            ties.used[0] + size * SLOTS + GROWTH_OF_ONE_ROW > len(ties.peer)
            or (size <= COMPANY_LIMIT and company.used[0] + size * GROWTH_OF_ONE_ROW > len(company.peer))
            or pairs.known[0] + size > len(pairs.key)
        ):
            return record
        initiator = columns.people[first]
        count = 0
        for place in range(first + 1, after):
            person = columns.people[place]
            new = person >= 0 and person != initiator
            for k in range(count):
                if present[k] == person:
                    new = False
                    break
            if new:
                present[count] = person
                count += 1
        if count == 0:
            continue
        time_us = columns.time_us[record]
        kind = columns.kind[record]
        second = min(max(time_us // MICROSECONDS, 1), LAST_SECOND)
        rebased(ties, company, people, ledger, 0, time_us, half_life_us)
        rebased(ties, company, people, ledger, 1, time_us, recent_half_life_us)
        weight = forward_weight(time_us, half_life_us, ledger.base[0])
        recent = forward_weight(time_us, recent_half_life_us, ledger.base[1])
        for k in range(count):
            seen(people, present[k], second)
        if initiator >= 0:
            seen(people, initiator, second)
            for k in range(count):
                add_contact(ties, pairs, people, ledger, initiator, present[k], weight, recent, second, kind)
        if 2 <= count <= COMPANY_LIMIT:
            share = weight / (count - 1)
            for k in range(count):
                for other in range(k + 1, count):
                    add_to_row(company, present[k], present[other], share, 1, 1, second, kind)
                    add_to_row(company, present[other], present[k], share, 1, 1, second, kind)
    return end
