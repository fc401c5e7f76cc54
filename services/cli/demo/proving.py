"""Two promises shown on the running stack: a boundary hides two people from one another, a decline shows nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acquaint.profiles.v1 import boundary_service_pb2
from acquaint.recommendations.v1 import introduction_service_pb2

from services.cli.connection import Clients
from services.cli.demo.answering import ACCEPT, DECLINE, Answered, Question, View, answer, mind, view
from services.cli.demo.organisation import Organisation
from services.cli.demo.steps import until
from services.cli.output import CommandFailed
from services.platform.rpc import acting_for

LIST = 10
TOP = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryShown:
    """`person` set a boundary to `other`; each one's suggestions (person_ids, best first) before and after."""

    person: str
    other: str
    before: tuple[Sequence[str], Sequence[str]]
    after: tuple[Sequence[str], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineShown:
    """`question` was declined; all that the other side could see before and after."""

    question: Question
    before: View
    after: View

    @property
    def identical(self) -> bool:
        """Whether not a byte differs."""
        return as_bytes(self.before) == as_bytes(self.after)


def as_bytes(seen: View) -> list[bytes]:
    """A view as bytes."""
    return [each.SerializeToString(deterministic=True) for each in (*seen.introductions, *seen.inbox)]


async def lists(stubs: Clients, person_ids: Sequence[str], limit: int = LIST) -> dict[str, Sequence[str]]:
    """The suggestions of some people, best first."""
    request = introduction_service_pb2.BatchSuggestIntroductionsRequest(person_ids=person_ids, limit=limit)
    answered = (await stubs.introductions.BatchSuggestIntroductions(request, timeout=20)).lists
    return {each.person_id: [suggestion.person_id for suggestion in each.suggestions] for each in answered}


async def show_boundary(stubs: Clients, organisation: Organisation) -> BoundaryShown:
    """Sets a boundary between two settled people who stand high in each other's lists. Raises CommandFailed."""
    settled = [each.person_id for each in organisation.members if each.joined and not each.newcomer]
    found = await lists(stubs, settled)
    pairs = (
        (one, other)
        for one in settled
        for other in found[one][:TOP]
        if one in found.get(other, ())[:TOP] and organisation[one].group != organisation[other].group
    )
    person, other = next(pairs, ("", ""))
    if not person:
        raise CommandFailed("nobody stands high in the list of somebody who stands high in theirs")
    request = boundary_service_pb2.SetBoundaryRequest(person_id=person, other_person_id=other)
    await stubs.boundaries.SetBoundary(request, metadata=acting_for(person))

    async def hidden() -> tuple[Sequence[str], Sequence[str]] | None:
        now = await lists(stubs, [person, other])
        return (now[person], now[other]) if other not in now[person] and person not in now[other] else None

    after = await until(hidden, "a boundary to hide two people from one another")
    return BoundaryShown(person=person, other=other, before=(found[person], found[other]), after=after)


async def show_decline(
    stubs: Clients, organisation: Organisation, asked: Sequence[Question], done: Answered
) -> DeclineShown:
    """Somebody declines whom the other has already said yes to. Raises CommandFailed when nobody would decline.

    What the other sees is read when the yes has wholly arrived, and again when the no has.
    """
    by_key = {question.key: question for question in asked}
    for question in asked:
        theirs = by_key.get((question.other_id, question.introduction.introduction_id))
        if theirs is not None and _says(organisation, question) == DECLINE and _says(organisation, theirs) == ACCEPT:
            break
    else:
        raise CommandFailed("nobody would decline an invitation that the other accepts")
    await answer(stubs, theirs, ACCEPT, done)
    before = await _closed(stubs, theirs)
    await answer(stubs, question, DECLINE, done)
    await _closed(stubs, question)
    return DeclineShown(question=question, before=before, after=await view(stubs, theirs.person_id))


def _says(organisation: Organisation, question: Question) -> str:
    person, other = organisation[question.person_id], organisation[question.other_id]
    return mind(person, other, question.introduction.introduction_id)


async def _closed(stubs: Clients, question: Question) -> View:
    """What a person sees once their answer has closed the question in their inbox."""

    async def closed() -> View | None:
        seen = await view(stubs, question.person_id)
        entry = seen.question(question.introduction.introduction_id)
        return seen if entry is not None and not entry.open else None

    return await until(closed, "an answer to reach the inbox")
