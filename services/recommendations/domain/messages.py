"""What an introduction's transitions say to people: each message has an id that follows from what it says."""

from __future__ import annotations

from dataclasses import dataclass

from services.recommendations.domain import ids
from services.recommendations.domain.introduction import Introduction, InvitationState, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """Asks the recipient, for the `asking_number`-th time."""

    recipient_id: str
    asking_number: int

    def id(self, introduction_id: str) -> str:
        return ids.issued_message_id(introduction_id, self.recipient_id, self.asking_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Ends the recipient's question: what is unsent has no point any more."""

    recipient_id: str
    closing: InvitationState

    def id(self, introduction_id: str) -> str:
        return ids.closed_message_id(introduction_id, self.recipient_id, self.closing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Tells the recipient that all have said yes."""

    recipient_id: str

    def id(self, introduction_id: str) -> str:
        return ids.made_message_id(introduction_id, self.recipient_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """Tells the enterprise that an introduction was made, without reasons."""

    def id(self, introduction_id: str) -> str:
        return ids.announced_message_id(introduction_id)


Message = Issued | Closed | Made | Announced


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The introduction after a step, and what the step says; `before` is the version it rests on."""

    introduction: Introduction
    before: int
    messages: tuple[Message, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether the step left everything as it was."""
        return self.introduction.version == self.before


def issued_messages(introduction: Introduction) -> list[tuple[str, str]]:
    """(message id, recipient) of every Issued and Made message there ever was of this introduction."""
    named = introduction.introduction_id
    messages: list[Issued | Made] = [
        Issued(recipient_id=each.person_id, asking_number=number)
        for each in introduction.participations
        for number in range(1, each.asked + 1)
    ]
    if introduction.state is State.MADE:
        messages += [Made(recipient_id=person_id) for person_id in introduction.person_ids]
    return [(message.id(named), message.recipient_id) for message in messages]
