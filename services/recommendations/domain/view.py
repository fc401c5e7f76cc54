"""An introduction as one participant may see it: until all said yes, their own answers and the times first set decide.

What others answered, a boundary and a pause leave no trace in it, nor in its etag.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from services.recommendations.domain.introduction import (
    PENDING,
    Doom,
    Introduction,
    InvitationState,
    State,
)
from services.recommendations.domain.kinds import Kind
from services.recommendations.domain.messages import Issued, Made
from services.recommendations.domain.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one participant, or an operator looking at proposals, sees; None stands for others' invitations."""

    introduction_id: str
    kind: Kind
    invitations: tuple[tuple[str, InvitationState | None], ...]
    reasons: tuple[Reason, ...]
    starters: tuple[str, ...]
    state: State
    create_time: datetime
    expire_time: datetime
    made_time: datetime | None = None
    snooze_until: datetime | None = None

    @property
    def etag(self) -> str:
        """Changes with every change the viewer may see, and only then."""
        return blake2b(repr(self).encode(), digest_size=8).hexdigest()


def view(introduction: Introduction, person_id: str, now: datetime) -> View | None:
    """What `person_id` sees at `now`; None when there is nothing for them to know of."""
    mine = introduction.of(person_id)
    if mine is None or introduction.state is State.PROPOSED:
        return None
    if introduction.state is State.MADE:
        everybody = tuple((each, InvitationState.ACCEPTED) for each in introduction.person_ids)
        return _view(introduction, State.MADE, everybody, made_time=introduction.made_time)
    state = mine.state
    if state in PENDING and now >= introduction.expire_time:
        state = InvitationState.EXPIRED
    others = tuple((each, state if each == person_id else None) for each in introduction.person_ids)
    if state in PENDING:
        return _view(introduction, State.INVITED, others, snooze_until=mine.snooze_until)
    return _view(introduction, State.CLOSED, others)


def proposal(introduction: Introduction) -> View:
    """What an operator sees of something nobody was asked about."""
    waiting = tuple((each, InvitationState.WAITING) for each in introduction.person_ids)
    return _view(introduction, State.PROPOSED, waiting)


def _view(
    introduction: Introduction,
    state: State,
    invitations: tuple[tuple[str, InvitationState | None], ...],
    *,
    made_time: datetime | None = None,
    snooze_until: datetime | None = None,
) -> View:
    return View(
        introduction_id=introduction.introduction_id,
        kind=introduction.kind,
        invitations=invitations,
        reasons=introduction.reasons,
        starters=introduction.starters,
        state=state,
        create_time=introduction.create_time,
        expire_time=introduction.expire_time,
        made_time=made_time,
        snooze_until=snooze_until,
    )


def wanted(introduction: Introduction, message_id: str, recipient_id: str, now: datetime) -> bool:
    """Whether a message of this introduction that was not sent yet still has a point.

    A decline does not take the question back from the others: its absence would tell them. A block does.
    """
    mine = introduction.of(recipient_id)
    named = introduction.introduction_id
    if mine is None or len(introduction.participations) < 2:
        return False
    if message_id == Made(recipient_id=recipient_id).id(named):
        return introduction.state is State.MADE
    asked = Issued(recipient_id=recipient_id, asking_number=mine.asked)
    return (
        message_id == asked.id(named)
        and introduction.state is State.INVITED
        and introduction.doom is not Doom.BLOCKED
        and mine.state is InvitationState.OPEN
        and now < introduction.expire_time
    )
