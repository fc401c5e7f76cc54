"""Every step an introduction can take, as pure functions: (introduction, what happened, now) to what follows.

Made only when all said yes and a fresh check allowed it; a no, a boundary or a pause shows to the others only as the
expiry first set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.recommendations.domain.introduction import (
    PENDING,
    UNANSWERED,
    Answer,
    Doom,
    Introduction,
    InvitationState,
    Participation,
    State,
)
from services.recommendations.domain.kinds import Kind
from services.recommendations.domain.messages import Announced, Change, Closed, Issued, Made, Message
from services.recommendations.domain.reasons import Reason


class UnknownIntroduction(Exception):
    """The introduction does not exist for this person: never was, was never asked about, or is somebody else's."""


class InvitationIsClosed(Exception):
    """The invitation was answered otherwise, withdrawn, or has expired."""


class SnoozeOutOfRange(Exception):
    """The time to be asked again must lie after now and before the expiry."""


def propose(
    introduction_id: str,
    kind: Kind,
    person_ids: Sequence[str],
    reasons: Sequence[Reason],
    starters: Sequence[str],
    *,
    now: datetime,
    expires_after: timedelta,
    shadow: bool,
) -> Change:
    """A new introduction: everybody is asked at once, or, in the shadow, nobody."""
    state = InvitationState.WAITING if shadow else InvitationState.OPEN
    asked = 0 if shadow else 1
    introduction = Introduction(
        introduction_id=introduction_id,
        kind=kind,
        participations=tuple(Participation(person_id=each, state=state, asked=asked) for each in person_ids),
        reasons=tuple(reasons),
        starters=tuple(starters),
        state=State.PROPOSED if shadow else State.INVITED,
        create_time=now,
        expire_time=now + expires_after,
        shadow=shadow,
    )
    issued = () if shadow else tuple(Issued(recipient_id=each, asking_number=1) for each in person_ids)
    return Change(introduction=introduction, before=0, messages=issued)


def respond(
    introduction: Introduction,
    person_id: str,
    answer: Answer,
    *,
    now: datetime,
    snooze_until: datetime | None,
    default_snooze: timedelta,
    retry_after: timedelta,
) -> Change:
    """One person's answer; the same answer again changes nothing. With the last yes it is due to be made.

    Raises UnknownIntroduction, InvitationIsClosed, SnoozeOutOfRange.
    """
    mine = introduction.of(person_id)
    if mine is None or introduction.state is State.PROPOSED:
        raise UnknownIntroduction
    if answer is mine.answer:
        return _nothing(introduction)
    if introduction.state is not State.INVITED or now >= introduction.expire_time:
        raise InvitationIsClosed
    match answer:
        case Answer.ACCEPT if mine.state in UNANSWERED:
            accepted = replace(mine, state=InvitationState.ACCEPTED, answer=answer, snooze_until=None)
            closed = Closed(recipient_id=person_id, closing=InvitationState.ACCEPTED)
            after = _with(introduction, accepted)
            return _changed(replace(after, retry_time=now + retry_after) if after.agreed else after, closed)
        case Answer.DECLINE if mine.state in PENDING:
            declined = replace(mine, state=InvitationState.DECLINED, answer=answer, snooze_until=None)
            doom = introduction.doom or Doom.DECLINED
            closed = Closed(recipient_id=person_id, closing=InvitationState.DECLINED)
            return _changed(replace(_with(introduction, declined), doom=doom, retry_time=None), closed)
        case Answer.LATER if mine.state in UNANSWERED:
            return _snoozed(introduction, mine, now, snooze_until, default_snooze)
    raise InvitationIsClosed


def _snoozed(
    introduction: Introduction,
    mine: Participation,
    now: datetime,
    until: datetime | None,
    default: timedelta,
) -> Change:
    if until is None:
        if mine.state is InvitationState.SNOOZED:
            return _nothing(introduction)
        until = min(now + default, now + (introduction.expire_time - now) / 2)
    elif until == mine.snooze_until:
        return _nothing(introduction)
    if not now < until < introduction.expire_time:
        raise SnoozeOutOfRange
    return _changed(_with(introduction, replace(mine, state=InvitationState.SNOOZED, snooze_until=until)))


def ask_again(introduction: Introduction, now: datetime, *, silently: bool) -> Change:
    """Opens what was snoozed until now; `silently` where a block forbids that anything goes out."""
    if introduction.state is not State.INVITED:
        return _nothing(introduction)
    due = [each for each in introduction.participations if _snooze_is_over(each, now)]
    if not due:
        waited = introduction.retry_time is not None
        return _changed(replace(introduction, retry_time=None)) if waited else _nothing(introduction)
    messages = []
    for each in due:
        asked = each.asked if silently else each.asked + 1
        opened = replace(each, state=InvitationState.OPEN, asked=asked, snooze_until=None)
        introduction = _with(introduction, opened)
        if not silently:
            messages.append(Issued(recipient_id=each.person_id, asking_number=asked))
    return _changed(replace(introduction, retry_time=None), *messages)


def _snooze_is_over(participation: Participation, now: datetime) -> bool:
    return participation.snooze_until is not None and participation.snooze_until <= now


def block(introduction: Introduction) -> Change:
    """A boundary, pause or withdrawn consent: nothing more goes out, and to the eye nothing has changed."""
    if introduction.state is not State.INVITED or introduction.doom is Doom.BLOCKED:
        return _nothing(introduction)
    return _changed(replace(introduction, doom=Doom.BLOCKED, retry_time=None))


def make(introduction: Introduction, now: datetime) -> Change:
    """All have said yes and the check of this moment allows it: everybody is told."""
    if not introduction.agreed or now >= introduction.expire_time:
        return _nothing(introduction)
    made = replace(introduction, state=State.MADE, made_time=now, retry_time=None)
    told = [Made(recipient_id=each) for each in made.person_ids]
    return _changed(made, *told, Announced())


def postpone(introduction: Introduction, until: datetime) -> Change:
    """The question to profiles got no answer: nothing goes out before it is repeated at `until`."""
    if introduction.state is not State.INVITED or introduction.retry_time == until:
        return _nothing(introduction)
    return _changed(replace(introduction, retry_time=until))


def expire(introduction: Introduction, now: datetime) -> Change:
    """The time first set has passed: the same for everybody who is still waiting, whatever the cause."""
    if now < introduction.expire_time or not introduction.open_pairs:
        return _nothing(introduction)
    if introduction.state is State.PROPOSED:
        return _changed(replace(introduction, lapsed=True))
    return _ended(introduction, InvitationState.EXPIRED)


def erase(introduction: Introduction, person_id: str, now: datetime) -> Change:
    """Takes a person out; what was open is withdrawn from the others at once. Whoever is left keeps an empty shell."""
    if introduction.of(person_id) is None:
        return _nothing(introduction)
    messages: tuple[Message, ...] = ()
    before = introduction.version
    if introduction.state is State.INVITED:
        ending = InvitationState.EXPIRED if now >= introduction.expire_time else InvitationState.WITHDRAWN
        ended = _ended(introduction, ending)
        introduction = ended.introduction
        messages = tuple(each for each in ended.messages if isinstance(each, Closed) and each.recipient_id != person_id)
    left = replace(
        introduction,
        participations=tuple(each for each in introduction.participations if each.person_id != person_id),
        reasons=(),
        starters=(),
        lapsed=introduction.state is State.PROPOSED,
        version=before + 1,
    )
    return Change(introduction=left, before=before, messages=messages)


def _ended(introduction: Introduction, ending: InvitationState) -> Change:
    told = [each for each in introduction.participations if each.state in PENDING]
    for each in told:
        introduction = _with(introduction, replace(each, state=ending, snooze_until=None))
    closed = replace(introduction, state=State.CLOSED, retry_time=None)
    return _changed(closed, *(Closed(recipient_id=each.person_id, closing=ending) for each in told))


def _with(introduction: Introduction, changed: Participation) -> Introduction:
    participations = tuple(
        changed if each.person_id == changed.person_id else each for each in introduction.participations
    )
    return replace(introduction, participations=participations)


def _changed(introduction: Introduction, *messages: Message) -> Change:
    before = introduction.version
    return Change(introduction=replace(introduction, version=before + 1), before=before, messages=messages)


def _nothing(introduction: Introduction) -> Change:
    return Change(introduction=introduction, before=introduction.version)
