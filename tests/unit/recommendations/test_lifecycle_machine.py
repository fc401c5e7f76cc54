"""Any order of answers, blocks, erasures and time: what must always hold, and what an onlooker cannot tell apart."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.recommendations.domain import lifecycle as steps
from services.recommendations.domain.introduction import Answer, Doom, Introduction, InvitationState, State
from services.recommendations.domain.lifecycle import InvitationIsClosed, SnoozeOutOfRange, UnknownIntroduction
from services.recommendations.domain.messages import Change, Closed, Issued, Made, Message
from services.recommendations.domain.view import View, view
from tests.unit.recommendations.introductions import START, WEEK, answered, proposed

PEOPLE = ("ada", "bob", "cyd")
REFUSALS = (InvitationIsClosed, SnoozeOutOfRange, UnknownIntroduction)
HOURS = st.integers(min_value=1, max_value=60)


class AnyLife(RuleBasedStateMachine):
    """One introduction of three people, driven in any order by anybody and by time."""

    def __init__(self) -> None:
        super().__init__()
        first = proposed(people=PEOPLE)
        self.now = START
        self.introduction: Introduction = first.introduction
        self.said: list[Message] = list(first.messages)
        self.yes: set[str] = set()
        self.erased: set[str] = set()
        self.blocked = False
        self.made_with: set[str] | None = None

    def follow(self, change: Change) -> None:
        assert change.before == self.introduction.version
        assert change.introduction.version == change.before + (not change.nothing)
        self.introduction = change.introduction
        self.said += change.messages

    @rule(hours=HOURS)
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(person=st.sampled_from(PEOPLE), answer=st.sampled_from(Answer))
    def somebody_answers(self, person: str, answer: Answer) -> None:
        before = self.introduction
        try:
            self.follow(answered(before, person, answer, self.now))
        except REFUSALS:
            assert self.introduction is before
            return
        if answer is Answer.ACCEPT:
            self.yes.add(person)
        elif answer is Answer.DECLINE:
            self.yes.discard(person)

    @rule()
    def something_comes_between_them(self) -> None:
        self.follow(steps.block(self.introduction))
        self.blocked = self.blocked or self.introduction.doom is Doom.BLOCKED

    @precondition(lambda self: len(self.erased) < 2)
    @rule(person=st.sampled_from(PEOPLE))
    def somebody_is_erased(self, person: str) -> None:
        self.erased.add(person)
        self.follow(steps.erase(self.introduction, person, self.now))

    @rule()
    def everybody_is_told_if_all_agreed(self) -> None:
        change = steps.make(self.introduction, self.now)
        if not change.nothing:
            self.made_with = set(self.yes)
            assert not self.blocked
            assert self.now < self.introduction.expire_time
        self.follow(change)

    @rule()
    def those_who_said_later_are_asked_again(self) -> None:
        self.follow(steps.ask_again(self.introduction, self.now, silently=self.blocked))

    @rule()
    def the_expiry_is_looked_at(self) -> None:
        self.follow(steps.expire(self.introduction, self.now))

    @invariant()
    def it_is_made_only_with_everybodys_yes(self) -> None:
        if self.introduction.state is State.MADE:
            assert self.made_with == set(PEOPLE)

    @invariant()
    def until_then_nobody_sees_another_persons_answer(self) -> None:
        for person in PEOPLE:
            seen = view(self.introduction, person, self.now)
            if seen is not None and seen.state is not State.MADE:
                assert [state for other, state in seen.invitations if other != person and state is not None] == []

    @invariant()
    def the_erased_are_nowhere(self) -> None:
        for person in self.erased:
            assert view(self.introduction, person, self.now) is None
            assert person not in repr(self.introduction)

    @invariant()
    def every_message_is_said_once(self) -> None:
        ids = [message.id("i-1") for message in self.said]
        assert len(ids) == len(set(ids))

    @invariant()
    def who_was_told_of_an_end_is_asked_nothing_more(self) -> None:
        ended = set()
        for message in self.said:
            if isinstance(message, Issued | Made):
                assert message.recipient_id not in ended
            elif isinstance(message, Closed) and message.closing is not InvitationState.ACCEPTED:
                ended.add(message.recipient_id)

    @invariant()
    def something_is_due_exactly_while_it_is_open(self) -> None:
        assert (self.introduction.due_time is not None) == (self.introduction.state is State.INVITED)
        assert bool(self.introduction.open_pairs) == (self.introduction.state is State.INVITED)


TestAnyLife = AnyLife.TestCase
TestAnyLife.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)


# What Bob does: hours until it, and an answer or just a look.
BOBS_DAYS = st.lists(st.tuples(HOURS, st.sampled_from([None, *Answer])), max_size=8)
HIDDEN = ("ignores", "declines", "says later", "accepts, then declines", "sets a boundary", "declines and is blocked")


def what_bob_sees(adas_way: str, at_hour: int, bobs_days: list[tuple[int, Answer | None]]) -> list[object]:
    """Every view and refusal Bob gets, with the job running after each of his looks, until after the expiry."""
    introduction = proposed().introduction
    now, ada_acts = START, START + timedelta(hours=at_hour)
    seen: list[object] = []

    def let_time_pass() -> None:
        nonlocal introduction
        introduction = steps.expire(introduction, now).introduction
        introduction = steps.ask_again(introduction, now, silently=introduction.doom is Doom.BLOCKED).introduction
        introduction = steps.make(introduction, now).introduction

    for hours, answer in [*bobs_days, (24 * 8, None)]:
        if ada_acts <= now + timedelta(hours=hours):
            introduction = adas_doing(adas_way, introduction, ada_acts)
            ada_acts = START + 100 * WEEK
        now += timedelta(hours=hours)
        let_time_pass()
        if answer is not None:
            try:
                introduction = answered(introduction, "bob", answer, now).introduction
            except REFUSALS as refusal:
                seen.append(type(refusal))
            let_time_pass()
        found = view(introduction, "bob", now)
        assert isinstance(found, View)
        seen.append((found, found.etag))
    return seen


def adas_doing(way: str, introduction: Introduction, now) -> Introduction:
    if now >= introduction.expire_time:
        return introduction
    match way:
        case "declines":
            return answered(introduction, "ada", Answer.DECLINE, now).introduction
        case "says later":
            return answered(introduction, "ada", Answer.LATER, now).introduction
        case "accepts, then declines":
            accepted = answered(introduction, "ada", Answer.ACCEPT, now).introduction
            return answered(accepted, "ada", Answer.DECLINE, now).introduction
        case "sets a boundary":
            return steps.block(introduction).introduction
        case "declines and is blocked":
            return steps.block(answered(introduction, "ada", Answer.DECLINE, now).introduction).introduction
    return introduction


@pytest.mark.parametrize("way", HIDDEN[1:])
@given(at_hour=st.integers(0, 170), bobs_days=BOBS_DAYS)
@settings(max_examples=60, deadline=None)
def test_bob_cannot_tell_what_ada_did_from_her_doing_nothing(way: str, at_hour: int, bobs_days) -> None:
    assert what_bob_sees(way, at_hour, bobs_days) == what_bob_sees("ignores", at_hour, bobs_days)
