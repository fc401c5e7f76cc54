"""The introduction: who was asked, what each said, and how it may end. Nobody's answer shows before all said yes.

What can no longer be made (`doom`) stays open to the eye until the expiry first set; only an erasure ends it at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import combinations

from services.recommendations.domain.kinds import Kind
from services.recommendations.domain.reasons import Reason


class State(StrEnum):
    """Where an introduction stands."""

    PROPOSED = "proposed"
    INVITED = "invited"
    MADE = "made"
    CLOSED = "closed"


class InvitationState(StrEnum):
    """Where one person's invitation stands, as that person may see it."""

    WAITING = "waiting"
    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    SNOOZED = "snoozed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


UNANSWERED = frozenset({InvitationState.OPEN, InvitationState.SNOOZED})
PENDING = UNANSWERED | {InvitationState.ACCEPTED}


class Answer(StrEnum):
    """What a person says to an invitation."""

    ACCEPT = "accept"
    DECLINE = "decline"
    LATER = "later"


class Doom(StrEnum):
    """Why an open introduction can never be made: never told to anybody."""

    DECLINED = "declined"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Participation:
    """One participant: the state of their invitation, how often they were asked, and their last yes or no."""

    person_id: str
    state: InvitationState
    asked: int = 0
    answer: Answer | None = None
    snooze_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """The proposal that its participants meet. Before `retry_time`, where there is one, nothing due is tried again."""

    introduction_id: str
    kind: Kind
    participations: tuple[Participation, ...]
    reasons: tuple[Reason, ...]
    starters: tuple[str, ...]
    state: State
    create_time: datetime
    expire_time: datetime
    shadow: bool = False
    version: int = 1
    doom: Doom | None = None
    made_time: datetime | None = None
    retry_time: datetime | None = None
    lapsed: bool = False

    @property
    def person_ids(self) -> tuple[str, ...]:
        """The participants, in the order of the proposal."""
        return tuple(each.person_id for each in self.participations)

    def of(self, person_id: str) -> Participation | None:
        """The participation of one person, if there is one."""
        return next((each for each in self.participations if each.person_id == person_id), None)

    def others(self, person_id: str) -> tuple[str, ...]:
        """Everybody but `person_id`."""
        return tuple(each for each in self.person_ids if each != person_id)

    @property
    def agreed(self) -> bool:
        """Whether all have said yes and nothing stands against it."""
        return (
            self.state is State.INVITED
            and self.doom is None
            and len(self.participations) > 1
            and all(each.state is InvitationState.ACCEPTED for each in self.participations)
        )

    @property
    def open_pairs(self) -> tuple[str, ...]:
        """The pairs that no other introduction may name while this one is open."""
        if self.state is State.INVITED or (self.state is State.PROPOSED and not self.lapsed):
            return pair_keys(self.person_ids, shadow=self.shadow)
        return ()

    @property
    def due_time(self) -> datetime | None:
        """When time alone next changes something; None when it never does."""
        if not self.open_pairs:
            return None
        snoozes = [each.snooze_until for each in self.participations if each.snooze_until is not None]
        return min([self.expire_time, *(snoozes if self.retry_time is None else [self.retry_time])])


def pair_keys(person_ids: Iterable[str], *, shadow: bool) -> tuple[str, ...]:
    """One key per pair; shadow proposals have keys of their own and stand in nobody's way."""
    prefix = "shadow\0" if shadow else ""
    return tuple(prefix + "\0".join(pair) for pair in combinations(sorted(person_ids), 2))
