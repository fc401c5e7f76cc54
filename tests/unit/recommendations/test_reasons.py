"""Reasons are true, visible to both, the same for both, and name nobody and nothing else; starters follow from them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.recommendations.directory.likeness import normal
from services.recommendations.domain.people import Attributes, Person
from services.recommendations.domain.reasons import Reason, ReasonType
from services.recommendations.kinds.evidence import MOST_REASONS, TOGETHER, reasons
from services.recommendations.kinds.starters import starters
from services.recommendations.ranking import Evidence
from tests.unit.recommendations.people import anybody, person

NOTHING = Evidence(common=0, asker_ties=0, candidate_ties=0, shared_kind=None, middle=())
EVIDENCE = st.builds(
    Evidence,
    common=st.integers(0, 4),
    asker_ties=st.integers(0, 9),
    candidate_ties=st.integers(0, 9),
    shared_kind=st.none() | st.integers(1, 10),
    middle=st.just(("carl", "dora")),
)
LISTS = {
    ReasonType.SHARED_FIELD: "fields",
    ReasonType.SHARED_SKILL: "skills",
    ReasonType.SHARED_INTEREST: "interests",
    ReasonType.SHARED_OFFER: "offers",
    ReasonType.SHARED_LANGUAGE: "languages",
    ReasonType.SAME_PAST_UNIT: "past_units",
}
SINGLE = {ReasonType.SAME_UNIT: "unit", ReasonType.SAME_SITE: "site", ReasonType.SAME_CITY: "city"}


def is_true(reason: Reason, one: Attributes, other: Attributes, evidence: Evidence) -> bool:
    if reason.type in LISTS:
        sides = [{normal(each) for each in getattr(side, LISTS[reason.type])} for side in (one, other)]
        return bool(reason.values) and all(normal(value) in side for value in reason.values for side in sides)
    if reason.type in SINGLE:
        return all(normal(getattr(side, SINGLE[reason.type])) == normal(reason.values[0]) for side in (one, other))
    if reason.type is ReasonType.TOOK_PART_TOGETHER:
        return evidence.shared_kind is not None and reason.values == (TOGETHER[evidence.shared_kind],)
    if reason.type is ReasonType.COLLEAGUES_IN_COMMON:
        return evidence.common >= 2 and min(evidence.asker_ties, evidence.candidate_ties) >= 5 and not reason.values
    if reason.type is ReasonType.OUTSIDE_USUAL_CIRCLE:
        return bool(one.unit and other.unit) and one.unit != other.unit and (not one.site or one.site != other.site)
    return reason.type is ReasonType.NOT_IN_TOUCH_YET and not reason.values


@given(one=anybody("ada"), other=anybody("bob"), evidence=EVIDENCE)
@settings(max_examples=200, deadline=None)
def test_every_reason_is_true_of_what_both_may_see(one: Person, other: Person, evidence: Evidence) -> None:
    found = reasons(one, other, evidence)
    assert 1 <= len(found) <= MOST_REASONS
    for reason in found:
        assert is_true(reason, one.visible, other.visible, evidence), reason


@given(one=anybody("ada"), other=anybody("bob"), evidence=EVIDENCE)
@settings(max_examples=80, deadline=None)
def test_both_are_given_the_same_reasons(one: Person, other: Person, evidence: Evidence) -> None:
    back = Evidence(
        common=evidence.common,
        asker_ties=evidence.candidate_ties,
        candidate_ties=evidence.asker_ties,
        shared_kind=evidence.shared_kind,
        middle=evidence.middle,
    )
    assert reasons(one, other, evidence) == reasons(other, one, back)


@given(one=anybody("ada"), other=anybody("bob"), evidence=EVIDENCE)
@settings(max_examples=80, deadline=None)
def test_reasons_and_starters_name_nobody_and_count_nothing(one: Person, other: Person, evidence: Evidence) -> None:
    found = reasons(one, other, evidence)
    text = " ".join([*starters(found), *(value for reason in found for value in reason.values)])
    for name in ("ada", "bob", "carl", "dora"):
        assert name not in text
    assert re.findall(r"\d+", text.replace("{0}", "")) == []


@given(one=anybody("ada"), other=anybody("bob"), evidence=EVIDENCE, matching=anybody("ada"))
@settings(max_examples=80, deadline=None)
def test_what_is_for_matching_only_adds_no_reason(one: Person, other: Person, evidence: Evidence, matching) -> None:
    bare = Person(person_id="ada", visible=one.visible, wishes=one.wishes)
    with_more = Person(person_id="ada", visible=one.visible, matching=matching.matching, wishes=one.wishes)
    vague = {ReasonType.OUTSIDE_USUAL_CIRCLE, ReasonType.NOT_IN_TOUCH_YET}
    plain, more = reasons(bare, other, evidence), reasons(with_more, other, evidence)
    assert plain == more or {each.type for each in (*plain, *more)} <= vague


@given(one=anybody("ada"), other=anybody("bob"), evidence=EVIDENCE)
@settings(max_examples=100, deadline=None)
def test_two_different_starters_without_gaps(one: Person, other: Person, evidence: Evidence) -> None:
    first, second = starters(reasons(one, other, evidence))
    assert first != second
    assert first.endswith("?")
    assert second.endswith("?")


def test_every_type_of_reason_has_starters():
    for each in ReasonType:
        assert len(set(starters([Reason(type=each, values=("Go",))]))) == 2


def types(one: Person, other: Person, evidence: Evidence = NOTHING) -> list[ReasonType]:
    return [reason.type for reason in reasons(one, other, evidence)]


def test_two_spellings_of_a_skill_are_one():
    assert reasons(person("a", skills=("Event  Sourcing",)), person("b", skills=("event sourcing",)), NOTHING) == [
        Reason(type=ReasonType.SHARED_SKILL, values=("Event  Sourcing",))
    ]


@pytest.mark.parametrize(
    ("mine", "theirs", "said"),
    [
        ("Acme/Sales", "Acme/Law", ReasonType.OUTSIDE_USUAL_CIRCLE),
        ("14", "17", ReasonType.OUTSIDE_USUAL_CIRCLE),
        ("Acme/Sales/North", "Acme/Sales/South", ReasonType.NOT_IN_TOUCH_YET),
        ("Acme/Sales", "Acme/Sales/South", ReasonType.NOT_IN_TOUCH_YET),
        ("", "Acme", ReasonType.NOT_IN_TOUCH_YET),
    ],
)
def test_outside_the_circle_is_said_only_across_units(mine: str, theirs: str, said: ReasonType) -> None:
    assert types(person("a", unit=mine), person("b", unit=theirs)) == [said]


def test_outside_the_circle_is_not_said_where_a_site_is_for_matching_only():
    hidden = Person(person_id="a", visible=Attributes(unit="A"), matching=Attributes(site="HQ"))
    assert types(hidden, person("b", unit="B")) == [ReasonType.NOT_IN_TOUCH_YET]


def test_colleagues_in_common_need_five_ties_on_both_sides():
    def with_ties(mine: int, theirs: int) -> Evidence:
        return Evidence(common=2, asker_ties=mine, candidate_ties=theirs, shared_kind=None, middle=())

    one, other = person("a", unit="A"), person("b", unit="B")
    assert types(one, other, with_ties(5, 5)) == [ReasonType.COLLEAGUES_IN_COMMON]
    assert types(one, other, with_ties(5, 4)) == [ReasonType.OUTSIDE_USUAL_CIRCLE]


def test_the_same_site_of_two_cities_is_not_the_same_site():
    paris, oslo = person("a", site="HQ", city="Paris", country="FR"), person("b", site="HQ", city="Oslo", country="NO")
    assert types(paris, oslo) == [ReasonType.NOT_IN_TOUCH_YET]
