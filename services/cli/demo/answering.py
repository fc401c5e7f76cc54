"""People answer their invitations: yes more often the more they share with the other, and sometimes no, later, nothing.

What somebody answers follows from the introduction and the person alone, so the same invitation is answered alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import grpc
from acquaint.notifications.v1 import inbox_service_pb2, notification_pb2
from acquaint.recommendations.v1 import introduction_pb2, introduction_service_pb2

from services.cli.connection import Clients
from services.cli.demo.futures import Pair, pair, shared
from services.cli.demo.organisation import Member, Organisation
from services.platform.rpc import acting_for

ACCEPT, DECLINE, LATER, SILENCE = "accept", "decline", "later", "silence"
ANSWERS = {
    ACCEPT: introduction_service_pb2.ANSWER_ACCEPT,
    DECLINE: introduction_service_pb2.ANSWER_DECLINE,
    LATER: introduction_service_pb2.ANSWER_LATER,
}


def mind(person: Member, other: Member, introduction_id: str) -> str:
    """What a person answers."""
    digest = hashlib.blake2b(f"{person.person_id}/{introduction_id}".encode(), digest_size=8).digest()
    chance = int.from_bytes(digest) / 2**64
    yes = min(0.9, 0.62 + 0.12 * shared(person, other) + (0.15 if person.newcomer else 0.0))
    if chance < yes:
        return ACCEPT
    rest = (chance - yes) / (1 - yes)
    return DECLINE if rest < 0.5 else LATER if rest < 0.7 else SILENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An open invitation: who is asked, about which introduction with whom, and the words it came in."""

    person_id: str
    introduction_id: str
    other_id: str
    notification: notification_pb2.Notification


@dataclass(slots=True, kw_only=True)
class Answered:
    """What was asked and answered in the demo."""

    questions: list[Question] = field(default_factory=list)
    answers: dict[tuple[str, str], str] = field(default_factory=dict)
    made: dict[str, Pair] = field(default_factory=dict)

    def count(self, answer: str) -> int:
        """How many gave this answer."""
        return sum(each == answer for each in self.answers.values())


async def inbox(stubs: Clients, person: str) -> Sequence[notification_pb2.Notification]:
    """A person's inbox."""
    request = inbox_service_pb2.ListNotificationsRequest(person_id=person, page_size=100)
    return (await stubs.inbox.ListNotifications(request, metadata=acting_for(person))).notifications


async def introduction(stubs: Clients, introduction_id: str, person: str) -> introduction_pb2.Introduction:
    """An introduction as a person sees it."""
    request = introduction_service_pb2.GetIntroductionRequest(introduction_id=introduction_id, person_id=person)
    return (await stubs.introductions.GetIntroduction(request, metadata=acting_for(person))).introduction


async def open_questions(stubs: Clients, organisation: Organisation, done: Answered) -> list[Question]:
    """Every open invitation in every inbox that nobody has dealt with yet."""
    found = []
    for member in organisation.members:
        if not member.joined:
            continue
        for entry in await inbox(stubs, member.person_id):
            key = member.person_id, entry.introduction_id
            if entry.open and key not in done.answers:
                seen = await introduction(stubs, entry.introduction_id, member.person_id)
                (other,) = [p.person_id for p in seen.participants if p.person_id != member.person_id]
                found.append(
                    Question(
                        person_id=member.person_id,
                        introduction_id=entry.introduction_id,
                        other_id=other,
                        notification=entry,
                    )
                )
    return found


async def answer(stubs: Clients, question: Question, choice: str, done: Answered) -> None:
    """Give an answer and note what came of it. An invitation that closed meanwhile counts as silence."""
    done.questions.append(question)
    key = question.person_id, question.introduction_id
    if choice == SILENCE:
        done.answers[key] = SILENCE
        return
    request = introduction_service_pb2.RespondToInvitationRequest(
        introduction_id=question.introduction_id, person_id=question.person_id, answer=ANSWERS[choice]
    )
    try:
        response = await stubs.introductions.RespondToInvitation(request, metadata=acting_for(question.person_id))
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
            raise
        done.answers[key] = SILENCE
        return
    done.answers[key] = choice
    if response.introduction.state == introduction_pb2.INTRODUCTION_STATE_MADE:
        done.made[question.introduction_id] = pair(question.person_id, question.other_id)
