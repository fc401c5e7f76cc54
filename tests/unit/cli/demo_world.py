"""A whole tale without a stack: the simulated organisation, and what services would have answered about it."""

from __future__ import annotations

from datetime import UTC, date, datetime

from acquaint.notifications.v1 import notification_pb2
from acquaint.recommendations.v1 import introduction_pb2

from services.cli.demo.answering import ACCEPT, DECLINE, Question, View
from services.cli.demo.futures import random_pairs
from services.cli.demo.history import half_a_year
from services.cli.demo.loading import Recorded
from services.cli.demo.network import Pair, measure, ties
from services.cli.demo.organisation import Organisation, simulate
from services.cli.demo.proving import BoundaryShown, DeclineShown
from services.cli.demo.rounds import Rounds
from services.cli.demo.tale import Tale, what_follows

TODAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STATES = introduction_pb2.IntroductionState


def introduction(pair: Pair, state: STATES.ValueType) -> introduction_pb2.Introduction:
    found = introduction_pb2.Introduction(
        introduction_id="-".join(pair),
        kind=introduction_pb2.KIND_PEER,
        participants=[introduction_pb2.Participant(person_id=each) for each in pair],
        reasons=[introduction_pb2.Reason(type=introduction_pb2.REASON_TYPE_SHARED_FIELD, values=["<b>steel</b>"])],
        state=state,
    )
    found.create_time.FromDatetime(NOW)
    found.expire_time.FromDatetime(NOW)
    return found


def question(person: str, about: introduction_pb2.Introduction) -> Question:
    (other,) = (each.person_id for each in about.participants if each.person_id != person)
    entry = notification_pb2.Notification(
        type=notification_pb2.NOTIFICATION_TYPE_INVITATION,
        title=f"Would you like to meet {other}?",
        body="Why you two",
        html='<!doctype html><html lang="en"><body><h1>Why you two</h1></body></html>',
        introduction_id=about.introduction_id,
        open=True,
    )
    entry.sent_time.FromDatetime(NOW)
    return Question(person_id=person, introduction=about, other_id=other, notification=entry)


def view(asked: Question) -> View:
    return View(person_id=asked.person_id, introductions=[asked.introduction], inbox=[asked.notification])


def rounds(organisation: Organisation, pairs: list[Pair]) -> Rounds:
    """Everybody of these pairs said yes but those of the last: one declined, a newcomer has not answered."""
    held = Rounds(rounds=2, shadow=3)
    introductions: dict[str, list[introduction_pb2.Introduction]] = {
        each.person_id: [] for each in organisation.members
    }
    for pair in pairs:
        made = introduction(pair, introduction_pb2.INTRODUCTION_STATE_MADE)
        for person in pair:
            introductions[person].append(made)
            held.answered.note(question(person, made), ACCEPT)
    newcomer = organisation.newcomers[0].person_id
    waiting = introduction((newcomer, organisation.members[0].person_id), introduction_pb2.INTRODUCTION_STATE_INVITED)
    held.open_question = question(newcomer, waiting)
    held.newcomer = view(held.open_question)
    declined = question(waiting.participants[1].person_id, waiting)
    held.answered.note(declined, DECLINE)
    held.decline = DeclineShown(question=declined, before=held.newcomer, after=held.newcomer)
    held.introductions = introductions
    return held


def tale() -> Tale:
    """The tale of a demo in which eighty introductions were made."""
    organisation = simulate(TODAY)
    habits, past = half_a_year(organisation)
    pairs = random_pairs(organisation, past, 80)
    held = rounds(organisation, pairs)
    assert held.decline is not None
    one, other = organisation.members[20].person_id, organisation.members[21].person_id
    before = ties(past, TODAY)
    stores = ("documents", "journal", "topic", "graph", "messages", "notifications")
    return Tale(
        organisation=organisation,
        joined=271,
        recorded=Recorded(interactions=len(past), seconds=2.0, catch_up=0.1, visible=(0.01, 0.02, 0.03)),
        interactions=len(past),
        boundary=BoundaryShown(person=one, other=other, before=([other], [one]), after=([], [])),
        held=held,
        decline=held.decline,
        verified={"clean": True, "held": dict.fromkeys(stores, 5), "differences": [], "seconds": 0.1},
        before=before,
        before_measures=measure(organisation, before),
        runs=what_follows(organisation, habits, past, pairs),
        memory=10**9,
    )
