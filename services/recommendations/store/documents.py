"""Introductions as documents and back: every field is written out, so that a renamed attribute changes no document."""

from __future__ import annotations

from services.platform.mongo import Document
from services.recommendations.domain.introduction import (
    Answer,
    Doom,
    Introduction,
    InvitationState,
    Participation,
    State,
)
from services.recommendations.domain.kinds import Kind
from services.recommendations.domain.reasons import Reason, ReasonType


def introduction_document(introduction: Introduction) -> Document:
    """The whole document. `open_pairs` and `due_time` are there only while they mean something (indexes)."""
    document: Document = {
        "_id": introduction.introduction_id,
        "kind": introduction.kind.value,
        "shadow": introduction.shadow,
        "state": introduction.state.value,
        "doom": introduction.doom.value if introduction.doom else None,
        "version": introduction.version,
        "people": list(introduction.person_ids),
        "participations": [_participation_document(each) for each in introduction.participations],
        "reasons": [{"type": each.type.value, "values": list(each.values)} for each in introduction.reasons],
        "starters": list(introduction.starters),
        "create_time": introduction.create_time,
        "expire_time": introduction.expire_time,
        "made_time": introduction.made_time,
        "retry_time": introduction.retry_time,
        "lapsed": introduction.lapsed,
    }
    if introduction.open_pairs:
        document["open_pairs"] = list(introduction.open_pairs)
    if introduction.due_time is not None:
        document["due_time"] = introduction.due_time
    return document


def introduction_of(document: Document) -> Introduction:
    """What a document says."""
    return Introduction(
        introduction_id=document["_id"],
        kind=Kind(document["kind"]),
        participations=tuple(_participation_of(each) for each in document["participations"]),
        reasons=tuple(
            Reason(type=ReasonType(each["type"]), values=tuple(each["values"])) for each in document["reasons"]
        ),
        starters=tuple(document["starters"]),
        state=State(document["state"]),
        create_time=document["create_time"],
        expire_time=document["expire_time"],
        shadow=document["shadow"],
        version=document["version"],
        doom=Doom(document["doom"]) if document["doom"] else None,
        made_time=document["made_time"],
        retry_time=document["retry_time"],
        lapsed=document["lapsed"],
    )


def _participation_document(participation: Participation) -> Document:
    return {
        "person_id": participation.person_id,
        "state": participation.state.value,
        "asked": participation.asked,
        "answer": participation.answer.value if participation.answer else None,
        "snooze_until": participation.snooze_until,
    }


def _participation_of(document: Document) -> Participation:
    return Participation(
        person_id=document["person_id"],
        state=InvitationState(document["state"]),
        asked=document["asked"],
        answer=Answer(document["answer"]) if document["answer"] else None,
        snooze_until=document["snooze_until"],
    )
