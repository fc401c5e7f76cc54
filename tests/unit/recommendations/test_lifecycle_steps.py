"""The steps of an introduction one by one: what each changes, what it says, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.recommendations.domain import lifecycle as steps
from services.recommendations.domain.introduction import Answer, Doom, Introduction, InvitationState, State
from services.recommendations.domain.lifecycle import InvitationIsClosed, SnoozeOutOfRange, UnknownIntroduction
from services.recommendations.domain.messages import Announced, Closed, Issued, Made, issued_messages
from services.recommendations.domain.view import proposal, view, wanted
from tests.unit.recommendations.introductions import RETRY, SNOOZE, START, WEEK, answered, invited, proposed

ACCEPT, DECLINE, LATER = Answer.ACCEPT, Answer.DECLINE, Answer.LATER


def agreed() -> Introduction:
    return answered(answered(invited(), "ada", ACCEPT).introduction, "bob", ACCEPT).introduction


def seen(introduction: Introduction, person_id: str, now=START):
    found = view(introduction, person_id, now)
    assert found is not None
    return found


def test_both_are_asked_at_once():
    change = proposed()
    assert change.introduction.state is State.INVITED
    assert change.messages == (
        Issued(recipient_id="ada", asking_number=1),
        Issued(recipient_id="bob", asking_number=1),
    )


def test_in_the_shadow_nobody_is_asked_and_nobody_knows():
    change = proposed(shadow=True)
    assert change.messages == ()
    assert view(change.introduction, "ada", START) is None
    assert proposal(change.introduction).state is State.PROPOSED
    with pytest.raises(UnknownIntroduction):
        answered(change.introduction, "ada", ACCEPT)
    assert issued_messages(change.introduction) == []


def test_a_shadow_proposal_stands_in_nobodys_way_and_lapses():
    shadow = proposed(shadow=True).introduction
    assert set(shadow.open_pairs).isdisjoint(invited().open_pairs)
    lapsed = steps.expire(shadow, START + WEEK)
    assert lapsed.introduction.open_pairs == ()
    assert lapsed.introduction.state is State.PROPOSED
    assert lapsed.messages == ()


def test_a_yes_of_one_shows_to_nobody_else():
    before = seen(invited(), "bob")
    after = seen(answered(invited(), "ada", ACCEPT).introduction, "bob")
    assert after == before
    assert after.etag == before.etag


def test_ones_own_yes_shows_and_changes_the_etag():
    after = seen(answered(invited(), "ada", ACCEPT).introduction, "ada")
    assert dict(after.invitations) == {"ada": InvitationState.ACCEPTED, "bob": None}
    assert after.etag != seen(invited(), "ada").etag


def test_made_needs_everybodys_yes():
    one = answered(invited(), "ada", ACCEPT).introduction
    assert steps.make(one, START).nothing
    made = steps.make(agreed(), START)
    assert made.introduction.state is State.MADE
    assert made.messages == (Made(recipient_id="ada"), Made(recipient_id="bob"), Announced())
    assert set(dict(seen(made.introduction, "ada").invitations).values()) == {InvitationState.ACCEPTED}


def test_the_last_yes_makes_it_due_to_be_made_again_and_again():
    assert agreed().due_time == START + RETRY
    assert steps.postpone(agreed(), START + 2 * RETRY).introduction.due_time == START + 2 * RETRY


def test_the_same_answer_again_is_the_same_result():
    for answer in (ACCEPT, DECLINE):
        once = answered(invited(), "ada", answer).introduction
        again = answered(once, "ada", answer)
        assert again.nothing
        assert again.introduction == once


def test_an_answer_is_repeatable_even_after_the_end():
    accepted = answered(invited(), "ada", ACCEPT).introduction
    expired = steps.expire(accepted, START + WEEK).introduction
    assert answered(expired, "ada", ACCEPT, START + 2 * WEEK).nothing


def test_after_a_no_another_answer_is_refused():
    declined = answered(invited(), "ada", DECLINE).introduction
    for answer in (ACCEPT, LATER):
        with pytest.raises(InvitationIsClosed):
            answered(declined, "ada", answer)


def test_a_yes_may_be_taken_back_until_it_is_made():
    taken_back = answered(agreed(), "ada", DECLINE).introduction
    assert steps.make(taken_back, START).nothing
    with pytest.raises(InvitationIsClosed):
        answered(steps.make(agreed(), START).introduction, "ada", DECLINE)


def test_later_after_a_yes_is_refused():
    with pytest.raises(InvitationIsClosed):
        answered(answered(invited(), "ada", ACCEPT).introduction, "ada", LATER)


def test_nobody_answers_after_the_expiry_even_before_the_job_ran():
    with pytest.raises(InvitationIsClosed):
        answered(invited(), "ada", ACCEPT, START + WEEK)


def test_a_stranger_is_told_that_there_is_nothing():
    assert view(invited(), "eve", START) is None
    with pytest.raises(UnknownIntroduction):
        answered(invited(), "eve", ACCEPT)


def test_later_asks_again_with_a_higher_number():
    snoozed = answered(invited(), "ada", LATER).introduction
    assert seen(snoozed, "ada").snooze_until == START + SNOOZE
    assert snoozed.due_time == START + SNOOZE
    assert steps.ask_again(snoozed, START, silently=False).nothing
    change = steps.ask_again(snoozed, START + SNOOZE, silently=False)
    assert change.messages == (Issued(recipient_id="ada", asking_number=2),)
    assert len(issued_messages(change.introduction)) == 3


def test_later_without_a_time_stays_before_the_expiry():
    late = START + WEEK - timedelta(hours=2)
    until = answered(invited(), "ada", LATER, late).introduction.due_time
    assert until is not None
    assert late < until < START + WEEK


def test_later_repeated_changes_nothing_and_with_another_time_moves():
    snoozed = answered(invited(), "ada", LATER).introduction
    assert answered(snoozed, "ada", LATER, START + RETRY).nothing
    other = START + timedelta(days=1)
    assert answered(snoozed, "ada", LATER, START, other).introduction.due_time == other


@pytest.mark.parametrize("until", [START, START - RETRY, START + WEEK, START + 2 * WEEK])
def test_later_outside_now_and_the_expiry_is_refused(until):
    with pytest.raises(SnoozeOutOfRange):
        answered(invited(), "ada", LATER, START, until)


def test_a_decline_leaves_the_others_question_open_and_wanted():
    declined = answered(invited(), "ada", DECLINE)
    asked = Issued(recipient_id="bob", asking_number=1).id("i-1")
    assert declined.messages == (Closed(recipient_id="ada", closing=InvitationState.DECLINED),)
    assert seen(declined.introduction, "bob") == seen(invited(), "bob")
    assert wanted(declined.introduction, asked, "bob", START)
    assert seen(declined.introduction, "ada").state is State.CLOSED


def test_a_block_shows_to_nobody_and_nothing_more_is_wanted():
    blocked = steps.block(invited())
    assert blocked.messages == ()
    for person_id in ("ada", "bob"):
        asked = Issued(recipient_id=person_id, asking_number=1).id("i-1")
        assert seen(blocked.introduction, person_id) == seen(invited(), person_id)
        assert not wanted(blocked.introduction, asked, person_id, START)


def test_what_is_blocked_is_never_made_and_asks_again_in_silence():
    blocked = steps.block(agreed()).introduction
    assert steps.make(blocked, START).nothing
    snoozed = steps.block(answered(invited(), "ada", LATER).introduction).introduction
    again = steps.ask_again(snoozed, START + SNOOZE, silently=True)
    assert again.messages == ()
    assert len(issued_messages(again.introduction)) == 2


def test_an_erasure_withdraws_at_once_and_leaves_nothing_of_the_person():
    change = steps.erase(invited(), "ada", START)
    assert change.messages == (Closed(recipient_id="bob", closing=InvitationState.WITHDRAWN),)
    left = seen(change.introduction, "bob")
    assert dict(left.invitations) == {"bob": InvitationState.WITHDRAWN}
    assert (left.reasons, left.starters, left.state) == ((), (), State.CLOSED)
    assert "ada" not in repr(change.introduction)


def test_an_erasure_after_the_time_shows_as_the_expiry_it_was():
    change = steps.erase(invited(), "ada", START + WEEK)
    assert change.messages == (Closed(recipient_id="bob", closing=InvitationState.EXPIRED),)


def test_an_erasure_takes_the_person_out_of_what_was_made():
    made = steps.make(agreed(), START).introduction
    left = steps.erase(made, "ada", START).introduction
    assert left.person_ids == ("bob",)
    assert left.state is State.MADE
    assert not wanted(left, Made(recipient_id="bob").id("i-1"), "bob", START)


def test_only_the_last_asking_is_wanted_and_only_while_it_is_open():
    snoozed = answered(invited(), "ada", LATER).introduction
    again = steps.ask_again(snoozed, START + SNOOZE, silently=False).introduction
    first, second = (Issued(recipient_id="ada", asking_number=each).id("i-1") for each in (1, 2))
    assert not wanted(snoozed, first, "ada", START)
    assert not wanted(again, first, "ada", START + SNOOZE)
    assert wanted(again, second, "ada", START + SNOOZE)
    assert not wanted(again, second, "ada", START + WEEK)
    assert not wanted(again, second, "bob", START + SNOOZE)


def test_a_wait_that_waits_for_nothing_ends():
    waiting = steps.postpone(invited(), START + RETRY).introduction
    done = steps.ask_again(waiting, START + RETRY, silently=False)
    assert done.messages == ()
    assert done.introduction.due_time == START + WEEK


def test_messages_have_ids_of_their_own():
    introduction = replace(steps.make(agreed(), START).introduction, doom=Doom.DECLINED)
    ids = [message_id for message_id, _ in issued_messages(introduction)]
    assert len(ids) == len(set(ids)) == 4
