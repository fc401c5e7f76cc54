"""Peer: people who could be of use to each other and were never in contact; both are asked at once.

Nobody on one reporting line, nobody with a boundary between them; at most four of ten from the own unit.
"""

from __future__ import annotations

from services.recommendations.domain.kinds import Kind
from services.recommendations.domain.people import Person
from services.recommendations.kinds.evidence import reasons
from services.recommendations.kinds.recipe import Announced, Asking, Bonds, Recipe


def left_out(person: Person, bonds: Bonds) -> set[str]:
    """Who is never suggested to `person`: they themselves, manager, reports, and those with a boundary between them."""
    named = person.person_id
    line = {person.manager_id, *bonds.reports(named)}
    return ({named} | line | person.boundaries | set(bonds.barred_by(named))) - {""}


PEER = Recipe(
    kind=Kind.PEER,
    asking=Asking.ALL_AT_ONCE,
    announced=Announced.OTHER,
    include_met=False,
    own_unit_share=0.4,
    minutes=30,
    left_out=left_out,
    reasons=reasons,
)
