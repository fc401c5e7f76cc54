"""Notifications and people as documents and back; the only place that knows how they are laid out."""

from __future__ import annotations

from typing import Any

from services.notifications.domain import (
    Channel,
    Message,
    MessageType,
    Notification,
    Person,
    Reason,
    Status,
    Suppression,
)

Document = dict[str, Any]


def to_document(notification: Notification) -> Document:
    """The document of a notification that was never claimed."""
    message = notification.message
    return {
        "_id": notification.notification_id,
        "event_id": message.event_id,
        "type": message.type.value,
        "recipient_id": message.recipient_id,
        "introduction_id": message.introduction_id,
        "others": list(message.other_person_ids),
        "kind": message.kind,
        "reasons": [[reason.type, list(reason.values)] for reason in message.reasons],
        "starters": list(message.starters),
        "expire_time": message.expire_time,
        "channel": notification.channel.value,
        "create_time": notification.create_time,
        "fence": notification.fence,
        **state(notification),
    }


def state(notification: Notification) -> Document:
    """The part of the document that changes over a notification's life."""
    return {
        "status": notification.status.value,
        "suppression": notification.suppression.value if notification.suppression else None,
        "due_time": notification.due_time,
        "sent_time": notification.sent_time,
        "read_time": notification.read_time,
        "attempts": notification.attempts,
        "open": notification.open,
    }


def from_document(document: Document) -> Notification:
    """The notification a document holds."""
    suppression = document["suppression"]
    return Notification(
        notification_id=document["_id"],
        message=Message(
            event_id=document["event_id"],
            type=MessageType(document["type"]),
            recipient_id=document["recipient_id"],
            introduction_id=document["introduction_id"],
            other_person_ids=tuple(document["others"]),
            kind=document["kind"],
            reasons=tuple(Reason(type=type_, values=tuple(values)) for type_, values in document["reasons"]),
            starters=tuple(document["starters"]),
            expire_time=document["expire_time"],
        ),
        channel=Channel(document["channel"]),
        status=Status(document["status"]),
        suppression=Suppression(suppression) if suppression else None,
        create_time=document["create_time"],
        due_time=document["due_time"],
        sent_time=document["sent_time"],
        read_time=document["read_time"],
        attempts=document["attempts"],
        fence=document["fence"],
        open=document["open"],
    )


def to_person(person_id: str, public: Document | None, private: Document | None) -> Person:
    """What is known of a person, from the documents of the two halves of a profile."""
    if any(half is not None and half["erased"] for half in (public, private)):
        return Person(person_id=person_id, erased=True)
    seen, kept = public or {}, private or {}
    return Person(
        person_id=person_id,
        name=seen.get("name", ""),
        title=seen.get("title", ""),
        unit=seen.get("unit", ""),
        city=seen.get("city", ""),
        photo_url=seen.get("photo_url", ""),
        email=kept.get("email", ""),
        time_zone=kept.get("time_zone", "") or seen.get("time_zone", ""),
        languages=tuple(seen.get("languages", ())),
        known=private is not None,
        shown=public is not None,
    )
