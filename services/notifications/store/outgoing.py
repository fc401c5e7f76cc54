"""Notifications on their way: inserted once under their deterministic id, claimed by lease, ended under their fence.

A claim expires by the database's clock; whoever lost it can record nothing, because its fence is old.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.notifications.domain import Channel, MessageType, Notification, Status, Suppression
from services.notifications.store.documents import from_document, state, to_document
from services.notifications.store.people import PeopleStore
from services.platform.mongo import ASCENDING, DESCENDING, Database, Document, Index, Session, UpdateOne

NOTIFICATIONS = "notifications"
NEVER = datetime(1970, 1, 1, tzinfo=UTC)

INDEXES: Mapping[str, Sequence[Index]] = {
    NOTIFICATIONS: [
        Index(keys=[("due_time", ASCENDING)], name="due", partial={"status": Status.SCHEDULED.value}),
        Index(keys=[("claim", ASCENDING)], name="claim", partial={"claim": {"$type": "string"}}),
        Index(keys=[("event_id", ASCENDING)], name="event"),
        Index(keys=[("introduction_id", ASCENDING), ("recipient_id", ASCENDING)], name="introduction"),
        Index(keys=[("recipient_id", ASCENDING), ("channel", ASCENDING), ("position", DESCENDING)], name="inbox"),
        Index(keys=[("recipient_id", ASCENDING), ("channel", ASCENDING), ("change", ASCENDING)], name="changes"),
        Index(keys=[("status", ASCENDING), ("waiting", ASCENDING)], name="status"),
    ]
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a claimed notification became, or how long it is put off; `waiting` is for its recipient's profile."""

    notification: Notification
    waiting: bool = False


class OutgoingStore:
    """The notifications that are not ended, and how they end."""

    def __init__(self, database: Database, people: PeopleStore) -> None:
        self._database = database
        self._notifications = database.collection(NOTIFICATIONS)
        self._people = people

    async def insert(self, session: Session, notifications: Sequence[Notification]) -> None:
        """Insert those that are new; one that is there already, whatever became of it, stays as it is."""
        writes = []
        for notification in notifications:
            document = to_document(notification)
            identity = document.pop("_id")
            writes.append(UpdateOne({"_id": identity}, {"$setOnInsert": document}, upsert=True))
        await self._notifications.bulk_write(writes, ordered=False, session=session)

    async def close_questions(self, session: Session, over: Collection[tuple[str, str]]) -> list[Notification]:
        """Questions are over, each as (introduction, recipient): what asks one and is unsent is suppressed, what was
        sent can no longer be answered.

        A few round trips however many they are: a day's expiries come at once. Returns the suppressed ones.
        """
        asked = {
            "introduction_id": {"$in": sorted({introduction_id for introduction_id, _ in over})},
            "type": MessageType.INVITATION.value,
            "$or": [{"status": Status.SCHEDULED.value}, {"open": True}],
        }
        found = [
            document
            for document in await self._notifications.find(asked, session=session)
            if (document["introduction_id"], document["recipient_id"]) in over
        ]
        unsent = [document for document in found if document["status"] == Status.SCHEDULED.value]
        answered = [document for document in found if document["open"]]
        suppressed = {"status": Status.SUPPRESSED.value, "suppression": Suppression.NOT_WANTED.value}
        writes = [UpdateOne({"_id": document["_id"]}, {"$set": suppressed}) for document in unsent]
        changes = await self._people.advance(session, Counter(document["recipient_id"] for document in answered))
        for document in answered:
            change = changes[document["recipient_id"]]
            changes[document["recipient_id"]] = change + 1
            writes.append(UpdateOne({"_id": document["_id"]}, {"$set": {"open": False, "change": change}}))
        await self._notifications.bulk_write(writes, ordered=False, session=session)
        return [from_document(document).suppressed(Suppression.NOT_WANTED) for document in unsent]

    async def claim(
        self, token: str, now: datetime, *, channels: Collection[Channel], limit: int, seconds: int
    ) -> list[Notification]:
        """Claim at most `limit` notifications of `channels` due at `now`, under a new fence.

        The claim lasts `seconds` of the database's time.
        """
        due = {
            "status": Status.SCHEDULED.value,
            "channel": {"$in": [channel.value for channel in channels]},
            "due_time": {"$lte": now},
            "$expr": {"$lte": [{"$ifNull": ["$claimed_until", NEVER]}, "$$NOW"]},
        }
        candidates = await self._notifications.find(due, {"_id": 1}, sort=[("due_time", ASCENDING)], limit=limit)
        if not candidates:
            return []
        await self._notifications.update_many(
            {**due, "_id": {"$in": [document["_id"] for document in candidates]}},
            [
                {
                    "$set": {
                        "claim": {"$literal": token},
                        "fence": {"$add": ["$fence", 1]},
                        "claimed_until": {"$dateAdd": {"startDate": "$$NOW", "unit": "second", "amount": seconds}},
                    }
                }
            ],
        )
        return [from_document(document) for document in await self._notifications.find({"claim": token})]

    async def finish(self, session: Session, results: Sequence[Result]) -> list[Notification]:
        """Record what became of claimed notifications and give the claims up; returns those this claim still held.

        A send that happened is recorded even where the question was closed meanwhile: the message did go out.
        """
        fences = {result.notification.notification_id: result.notification.fence for result in results}
        found = await self._notifications.find(
            {"_id": {"$in": list(fences)}}, {"fence": 1, "status": 1}, session=session
        )
        held = {document["_id"]: document for document in found if document["fence"] == fences[document["_id"]]}
        kept = [result for result in results if self._may_record(result, held.get(result.notification.notification_id))]
        arrivals: dict[str, int] = {}
        for result in kept:
            if result.notification.status is Status.SENT:
                recipient = result.notification.message.recipient_id
                arrivals[recipient] = arrivals.get(recipient, 0) + 1
        positions = await self._people.advance(session, arrivals)
        writes = []
        for result in kept:
            notification = result.notification
            changed: Document = {**state(notification), "waiting": result.waiting}
            if notification.status is Status.SENT:
                position = positions[notification.message.recipient_id]
                positions[notification.message.recipient_id] = position + 1
                changed |= {"position": position, "change": position}
                if held[notification.notification_id]["status"] != Status.SCHEDULED.value:
                    changed["open"] = False  # the question was closed while it was on its way
            writes.append(
                UpdateOne(
                    {"_id": notification.notification_id, "fence": notification.fence},
                    {"$set": changed, "$unset": {"claim": "", "claimed_until": ""}},
                )
            )
        await self._notifications.bulk_write(writes, ordered=False, session=session)
        return [result.notification for result in kept]

    @staticmethod
    def _may_record(result: Result, document: Document | None) -> bool:
        if document is None:
            return False
        return document["status"] == Status.SCHEDULED.value or result.notification.status is Status.SENT
