"""Domain ⇄ messages of the API and of events: names and times only, no rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from acquaint.recommendations.v1 import introduction_pb2, introduction_service_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from services.recommendations.domain.introduction import Answer, InvitationState, State
from services.recommendations.domain.kinds import Kind, LaunchMode
from services.recommendations.domain.reasons import Reason, ReasonType
from services.recommendations.domain.view import View

KINDS: Mapping[Kind, introduction_pb2.Kind.ValueType] = {
    kind: introduction_pb2.Kind.Value(f"KIND_{kind.name}") for kind in Kind
}
KINDS_BACK: Mapping[int, Kind] = {number: kind for kind, number in KINDS.items()}
STATES: Mapping[State, introduction_pb2.IntroductionState.ValueType] = {
    state: introduction_pb2.IntroductionState.Value(f"INTRODUCTION_STATE_{state.name}") for state in State
}
STATES_BACK: Mapping[int, State] = {number: state for state, number in STATES.items()}
INVITATION_STATES: Mapping[InvitationState, introduction_pb2.InvitationState.ValueType] = {
    state: introduction_pb2.InvitationState.Value(f"INVITATION_STATE_{state.name}") for state in InvitationState
}
REASON_TYPES: Mapping[ReasonType, introduction_pb2.ReasonType.ValueType] = {
    type_: introduction_pb2.ReasonType.Value(f"REASON_TYPE_{type_.name}") for type_ in ReasonType
}
ANSWERS_BACK: Mapping[int, Answer] = {
    introduction_service_pb2.Answer.Value(f"ANSWER_{answer.name}"): answer for answer in Answer
}
MODES: Mapping[LaunchMode, introduction_pb2.LaunchMode.ValueType] = {
    mode: introduction_pb2.LaunchMode.Value(f"LAUNCH_MODE_{mode.name}") for mode in LaunchMode
}
MODES_BACK: Mapping[int, LaunchMode] = {number: mode for mode, number in MODES.items()}


def timestamp(time: datetime) -> Timestamp:
    """The same instant as a message."""
    message = Timestamp()
    message.FromDatetime(time)
    return message


def reasons(found: Iterable[Reason]) -> list[introduction_pb2.Reason]:
    """Reasons as messages."""
    return [introduction_pb2.Reason(type=REASON_TYPES[reason.type], values=reason.values) for reason in found]


def introduction(view: View) -> introduction_pb2.Introduction:
    """A view as a message; what the viewer may not see is not in it."""
    message = introduction_pb2.Introduction(
        introduction_id=view.introduction_id,
        kind=KINDS[view.kind],
        participants=[
            introduction_pb2.Participant(
                person_id=person_id,
                invitation=INVITATION_STATES[state]
                if state is not None
                else introduction_pb2.INVITATION_STATE_UNSPECIFIED,
            )
            for person_id, state in view.invitations
        ],
        reasons=reasons(view.reasons),
        state=STATES[view.state],
        create_time=timestamp(view.create_time),
        expire_time=timestamp(view.expire_time),
        starters=view.starters,
        etag=view.etag,
    )
    if view.made_time is not None:
        message.made_time.FromDatetime(view.made_time)
    if view.snooze_until is not None:
        message.snooze_until.FromDatetime(view.snooze_until)
    return message
