"""Evidence about a pair as reasons: only what both may see, nothing counted, timed or sourced, nobody else named.

Where nothing may be said: outside the usual circle, if no unit and site is shared, else not in touch yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from services.recommendations.directory.likeness import normal
from services.recommendations.domain.people import Attributes, Person
from services.recommendations.domain.reasons import Reason, ReasonType
from services.recommendations.ranking import Evidence

MOST_REASONS = 4
MOST_VALUES = 3

# By the number of acquaint.interactions.v1.InteractionType: what two people took part in, in a reader's words.
TOGETHER = {1: "meeting", 2: "mail", 3: "mail", 4: "work", 5: "work", 6: "work", 7: "event", 8: "course", 9: "call"}


def reasons(one: Person, other: Person, evidence: Evidence) -> Sequence[Reason]:
    """Up to MOST_REASONS reasons, the most telling first; at least one. The same for both of the pair."""
    found = list(_shared(one.visible, other.visible))
    together = TOGETHER.get(evidence.shared_kind or 0)
    if together is not None:
        found.append(Reason(type=ReasonType.TOOK_PART_TOGETHER, values=(together,)))
    if evidence.several_in_common:
        found.append(Reason(type=ReasonType.COLLEAGUES_IN_COMMON))
    found.sort(key=lambda reason: _ORDER.index(reason.type))
    return found[:MOST_REASONS] or [Reason(type=_nothing_to_say(one, other))]


_ORDER = (
    ReasonType.SHARED_FIELD,
    ReasonType.SHARED_SKILL,
    ReasonType.TOOK_PART_TOGETHER,
    ReasonType.SHARED_INTEREST,
    ReasonType.COLLEAGUES_IN_COMMON,
    ReasonType.SHARED_OFFER,
    ReasonType.SAME_PAST_UNIT,
    ReasonType.SAME_UNIT,
    ReasonType.SAME_SITE,
    ReasonType.SAME_CITY,
    ReasonType.SHARED_LANGUAGE,
)


def _shared(one: Attributes, other: Attributes) -> Iterator[Reason]:
    for type_, mine, theirs in (
        (ReasonType.SHARED_FIELD, one.fields, other.fields),
        (ReasonType.SHARED_SKILL, one.skills, other.skills),
        (ReasonType.SHARED_INTEREST, one.interests, other.interests),
        (ReasonType.SHARED_OFFER, one.offers, other.offers),
        (ReasonType.SAME_PAST_UNIT, one.past_units, other.past_units),
        (ReasonType.SHARED_LANGUAGE, one.languages, other.languages),
    ):
        values = _in_common(mine, theirs)
        if values:
            yield Reason(type=type_, values=values[:MOST_VALUES])
    if one.unit and one.unit == other.unit:
        yield Reason(type=ReasonType.SAME_UNIT, values=(one.unit,))
    same_city = _same(one.city, other.city) and one.country == other.country
    if _same(one.site, other.site) and (same_city or not (one.city or other.city)):
        yield Reason(type=ReasonType.SAME_SITE, values=(min(one.site, other.site),))
    elif same_city:
        yield Reason(type=ReasonType.SAME_CITY, values=(min(one.city, other.city),))


def _in_common(mine: Iterable[str], theirs: Iterable[str]) -> tuple[str, ...]:
    """What both name, in one spelling whoever of the two is asked, sorted."""
    spelled = {normal(value): value for value in mine}
    shared: dict[str, str] = {}
    for value in theirs:
        same = spelled.get(normal(value))
        if same is not None:
            shared[normal(value)] = min(same, value)
    return tuple(shared[each] for each in sorted(shared))


def _same(one: str, other: str) -> bool:
    return bool(one) and normal(one) == normal(other)


def _nothing_to_say(one: Person, other: Person) -> ReasonType:
    """Outside the usual circle only where what both may see proves it."""
    units_differ = bool(one.visible.unit and other.visible.unit) and not _near(one.visible.unit, other.visible.unit)
    known_sites = bool(one.visible.site) == bool(other.visible.site) and not (one.matching.site or other.matching.site)
    sites_differ = known_sites and not _same(one.visible.site, other.visible.site)
    return ReasonType.OUTSIDE_USUAL_CIRCLE if units_differ and sites_differ else ReasonType.NOT_IN_TOUCH_YET


def _near(one: str, other: str) -> bool:
    """The same unit, one inside the other, or both inside one that is not the whole organisation."""
    mine, theirs = one.split("/"), other.split("/")
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(mine, theirs, strict=False)))
    return shared >= min(len(mine), len(theirs)) or shared >= 2
