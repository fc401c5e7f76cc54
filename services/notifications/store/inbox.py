"""What a person reads: their sent inbox notifications by position, and every change after a cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.notifications.domain import Channel, Notification, Status
from services.notifications.store.documents import from_document
from services.notifications.store.outgoing import NOTIFICATIONS
from services.notifications.store.people import PeopleStore
from services.platform.mongo import ASCENDING, DESCENDING, Database, Document, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A notification in the inbox; `position` is the order of arrival, `change` rises with every change."""

    notification: Notification
    position: int
    change: int


def entry(document: Document) -> Entry:
    """The inbox entry a document holds."""
    return Entry(notification=from_document(document), position=document["position"], change=document["change"])


class InboxStore:
    """The inboxes of all people."""

    def __init__(self, database: Database, people: PeopleStore) -> None:
        self._database = database
        self._notifications = database.collection(NOTIFICATIONS)
        self._people = people

    @staticmethod
    def _inbox(person_id: str) -> Document:
        return {"recipient_id": person_id, "channel": Channel.INBOX.value, "status": Status.SENT.value}

    async def page(self, person_id: str, *, before: int | None, unread_only: bool, limit: int) -> list[Entry]:
        """The newest entries that arrived before position `before` (None: all), at most `limit`."""
        wanted = self._inbox(person_id)
        wanted["position"] = {"$gt": 0} if before is None else {"$gt": 0, "$lt": before}
        if unread_only:
            wanted["read_time"] = None
        found = await self._notifications.find(wanted, sort=[("position", DESCENDING)], limit=limit)
        return [entry(document) for document in found]

    async def changes(self, person_id: str, *, after: int, limit: int) -> list[Entry]:
        """Entries that arrived or changed after `after`, in the order of their last change."""
        wanted = {**self._inbox(person_id), "change": {"$gt": after}}
        found = await self._notifications.find(wanted, sort=[("change", ASCENDING)], limit=limit)
        return [entry(document) for document in found]

    async def latest_change(self, person_id: str) -> int:
        """The number of the last change, 0 for none."""
        return await self._people.latest(person_id)

    async def mark_read(self, person_id: str, notification_ids: Sequence[str], at: datetime) -> int:
        """Mark those of the person's unread entries as read; returns how many were not read before."""
        wanted = {**self._inbox(person_id), "_id": {"$in": list(notification_ids)}, "read_time": None}

        async def body(session: Session) -> int:
            unread = await self._notifications.find(wanted, {"_id": 1}, session=session)
            if not unread:
                return 0
            change = (await self._people.advance(session, {person_id: len(unread)}))[person_id]
            for offset, document in enumerate(unread):
                await self._notifications.update_one(
                    {"_id": document["_id"]}, {"$set": {"read_time": at, "change": change + offset}}, session=session
                )
            return len(unread)

        return await self._database.transaction(body)

    async def of_events(self, event_ids: Sequence[str]) -> dict[str, list[tuple[Notification, bool]]]:
        """All notifications of each event, and whether each waits for its recipient's private profile."""
        found = await self._notifications.find({"event_id": {"$in": list(event_ids)}})
        by_event: dict[str, list[tuple[Notification, bool]]] = {}
        for document in found:
            pair = from_document(document), bool(document.get("waiting"))
            by_event.setdefault(document["event_id"], []).append(pair)
        return by_event

    async def counts(self) -> tuple[dict[str, int], int]:
        """How many notifications stand where, by status; and how many scheduled ones wait for a profile."""
        rows = await self._notifications.aggregate(
            [{"$group": {"_id": {"status": "$status", "waiting": "$waiting"}, "count": {"$sum": 1}}}]
        )
        by_status: dict[str, int] = {}
        waiting = 0
        for row in rows:
            status = row["_id"]["status"]
            by_status[status] = by_status.get(status, 0) + row["count"]
            if status == Status.SCHEDULED.value and row["_id"].get("waiting"):
                waiting += row["count"]
        return by_status, waiting
