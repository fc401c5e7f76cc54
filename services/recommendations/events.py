"""What recommendations publish: the messages of an introduction's steps as facts with ids that follow from them."""

from __future__ import annotations

from collections.abc import Mapping

from acquaint.profiles.v1 import events_pb2 as profile_events_pb2
from acquaint.recommendations.v1 import events_pb2, introduction_pb2
from acquaint.recommendations.v1.events_pb2 import (
    IntroductionAnnounced,
    IntroductionMade,
    InvitationClosed,
    InvitationIssued,
)

from services.platform.envelope import Fact
from services.platform.mongo import Session
from services.platform.outbox import Outbox
from services.platform.topics import Topic, declared
from services.recommendations import messages
from services.recommendations.domain.introduction import Introduction, InvitationState
from services.recommendations.domain.messages import Announced, Change, Closed, Issued, Made, Message
from services.recommendations.kinds import RECIPES
from services.recommendations.kinds.recipe import Announced as PublicName

TOPICS: Mapping[str, Topic] = declared(events_pb2.DESCRIPTOR)
INVITATIONS = TOPICS["acquaint.invitations.v1"]
INTRODUCTIONS = TOPICS["acquaint.introductions.v1"]

_PROFILE_TOPICS = declared(profile_events_pb2.DESCRIPTOR)
PROFILES = _PROFILE_TOPICS["acquaint.profiles.v1"]
PRIVATE_PROFILES = _PROFILE_TOPICS["acquaint.private-profiles.v1"]

_PUBLIC_KINDS = {PublicName.OTHER: introduction_pb2.PUBLIC_KIND_OTHER}


# What a person answered is nobody's business on a topic: they know it.
_ENDINGS = {state: messages.INVITATION_STATES[state] for state in (InvitationState.EXPIRED, InvitationState.WITHDRAWN)}


class Publisher:
    """Hands a step's messages to the outbox, in the step's own transaction."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def publish(self, session: Session, change: Change, traceparent: str | None) -> None:
        """Appends the facts of a step, under the introduction's version."""
        introduction = change.introduction
        for topic in (INVITATIONS, INTRODUCTIONS):
            facts = [
                _fact(introduction, message, traceparent)
                for message in change.messages
                if isinstance(message, Announced) == (topic is INTRODUCTIONS)
            ]
            if facts:
                await self._outbox.append(
                    session,
                    topic,
                    facts,
                    aggregate=introduction.introduction_id,
                    version=introduction.version,
                )

    def committed(self) -> None:
        """Wakes the relay; call it after the commit."""
        self._outbox.notify()

    async def check_capacity(self) -> None:
        """Raises ServiceError RESOURCE_EXHAUSTED while nothing may be written."""
        await self._outbox.check_capacity()


def _fact(introduction: Introduction, message: Message, traceparent: str | None) -> Fact:
    key = introduction.introduction_id if isinstance(message, Announced) else message.recipient_id
    return Fact(
        id=message.id(introduction.introduction_id),
        key=key,
        message=_event(introduction, message),
        traceparent=traceparent,
    )


def _event(
    introduction: Introduction, message: Message
) -> InvitationIssued | InvitationClosed | IntroductionMade | IntroductionAnnounced:
    named = introduction.introduction_id
    made_time = introduction.made_time or introduction.create_time
    match message:
        case Issued():
            return InvitationIssued(
                introduction_id=named,
                recipient_id=message.recipient_id,
                other_person_ids=introduction.others(message.recipient_id),
                kind=messages.KINDS[introduction.kind],
                reasons=messages.reasons(introduction.reasons),
                starters=introduction.starters,
                expire_time=messages.timestamp(introduction.expire_time),
                asking_number=message.asking_number,
            )
        case Closed():
            return InvitationClosed(
                introduction_id=named,
                recipient_id=message.recipient_id,
                closing=_ENDINGS.get(message.closing, introduction_pb2.INVITATION_STATE_UNSPECIFIED),
            )
        case Made():
            return IntroductionMade(
                introduction_id=named,
                recipient_id=message.recipient_id,
                other_person_ids=introduction.others(message.recipient_id),
                kind=messages.KINDS[introduction.kind],
                reasons=messages.reasons(introduction.reasons),
                starters=introduction.starters,
                made_time=messages.timestamp(made_time),
            )
        case Announced():
            return IntroductionAnnounced(
                introduction_id=named,
                participant_ids=introduction.person_ids,
                kind=_PUBLIC_KINDS[RECIPES[introduction.kind].announced],
                made_time=messages.timestamp(made_time),
            )
