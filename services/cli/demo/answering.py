"""People answer their invitations: yes more often the more they share with the other, and sometimes no, later, nothing.

What somebody answers follows from the introduction and the person alone, so the same invitation is answered alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import grpc
from acquaint.notifications.v1 import inbox_service_pb2, notification_pb2
from acquaint.recommendations.v1 import introduction_pb2, introduction_service_pb2

from services.cli.connection import Clients
from services.cli.demo.futures import shared
from services.cli.demo.organisation import Member
from services.cli.demo.steps import each
from services.platform.rpc import acting_for

ACCEPT, DECLINE, LATER, SILENCE = "accept", "decline", "later", "silence"
ANSWERS = {
    ACCEPT: introduction_service_pb2.ANSWER_ACCEPT,
    DECLINE: introduction_service_pb2.ANSWER_DECLINE,
    LATER: introduction_service_pb2.ANSWER_LATER,
}
PAGE = 100


def mind(person: Member, other: Member, introduction_id: str) -> str:
    """What a person answers."""
    digest = hashlib.blake2b(f"{person.person_id}/{introduction_id}".encode(), digest_size=8).digest()
    chance = int.from_bytes(digest) / 2**64
    yes = min(0.85, 0.5 + 0.1 * shared(person, other) + (0.1 if person.newcomer else 0.0))
    if chance < yes:
        return ACCEPT
    rest = (chance - yes) / (1 - yes)
    return DECLINE if rest < 0.5 else LATER if rest < 0.7 else SILENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that a person can see: their introductions and their inbox, newest first."""

    person_id: str
    introductions: Sequence[introduction_pb2.Introduction]
    inbox: Sequence[notification_pb2.Notification]

    def introduction(self, introduction_id: str) -> introduction_pb2.Introduction:
        """One of the introductions. Raises StopIteration for any other."""
        return next(each for each in self.introductions if each.introduction_id == introduction_id)

    def question(self, introduction_id: str) -> notification_pb2.Notification | None:
        """The invitation to an introduction as it lies in the inbox."""
        invitation = notification_pb2.NOTIFICATION_TYPE_INVITATION
        found = (each for each in self.inbox if each.introduction_id == introduction_id and each.type == invitation)
        return next(found, None)


async def introductions_of(stubs: Clients, person: str) -> Sequence[introduction_pb2.Introduction]:
    """A person's introductions as they see them, newest first."""
    request = introduction_service_pb2.ListIntroductionsRequest(person_id=person, page_size=PAGE)
    return (await stubs.introductions.ListIntroductions(request, metadata=acting_for(person))).introductions


async def view(stubs: Clients, person: str) -> View:
    """What a person sees now."""
    reading = inbox_service_pb2.ListNotificationsRequest(person_id=person, page_size=PAGE)
    read = await stubs.inbox.ListNotifications(reading, metadata=acting_for(person))
    return View(person_id=person, introductions=await introductions_of(stubs, person), inbox=read.notifications)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An open invitation: who is asked, about which introduction with whom, and the words it came in."""

    person_id: str
    introduction: introduction_pb2.Introduction
    other_id: str
    notification: notification_pb2.Notification

    @property
    def key(self) -> tuple[str, str]:
        """Person and introduction."""
        return self.person_id, self.introduction.introduction_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An answer, and when it was given."""

    question: Question
    answer: str
    time: datetime


@dataclass(slots=True, kw_only=True)
class Answered:
    """Who answered what, silence being an answer too, and how many introductions each person has got out of it."""

    given: dict[tuple[str, str], Given] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    introduced: dict[str, int] = field(default_factory=dict)

    def note(self, question: Question, answer: str) -> None:
        """Write an answer down."""
        self.given[question.key] = Given(question=question, answer=answer, time=datetime.now(UTC))

    def note_made(self, question: Question) -> None:
        """Write down that this was the last yes."""
        if question.introduction.introduction_id not in self.made:
            self.made.add(question.introduction.introduction_id)
            for person in (question.person_id, question.other_id):
                self.introduced[person] = self.introduced.get(person, 0) + 1

    def count(self, answer: str) -> int:
        """How many gave this answer."""
        return sum(given.answer == answer for given in self.given.values())


def other_of(introduction: introduction_pb2.Introduction, person: str) -> str:
    """The other one of two participants."""
    (other,) = (each.person_id for each in introduction.participants if each.person_id != person)
    return other


def questions(views: Iterable[View], done: Answered) -> list[Question]:
    """Every open invitation in these inboxes that nobody has dealt with yet."""
    found = []
    for seen in views:
        by_id = {each.introduction_id: each for each in seen.introductions}
        for entry in seen.inbox:
            introduction = by_id.get(entry.introduction_id)
            if not entry.open or introduction is None or (seen.person_id, entry.introduction_id) in done.given:
                continue
            other = other_of(introduction, seen.person_id)
            found.append(
                Question(person_id=seen.person_id, introduction=introduction, other_id=other, notification=entry)
            )
    return sorted(found, key=lambda question: question.key)


async def views(stubs: Clients, person_ids: Iterable[str]) -> Sequence[View]:
    """What these people see now."""
    return await each(view(stubs, person) for person in person_ids)


async def answer(stubs: Clients, question: Question, choice: str, done: Answered) -> None:
    """Gives an answer. An invitation that closed meanwhile counts as silence."""
    if choice in ANSWERS:
        request = introduction_service_pb2.RespondToInvitationRequest(
            introduction_id=question.introduction.introduction_id,
            person_id=question.person_id,
            answer=ANSWERS[choice],
        )
        try:
            response = await stubs.introductions.RespondToInvitation(
                request, metadata=acting_for(question.person_id), timeout=20
            )
            if response.introduction.state == introduction_pb2.INTRODUCTION_STATE_MADE:
                done.note_made(question)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                raise
            choice = SILENCE
    done.note(question, choice)
