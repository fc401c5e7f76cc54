"""A consumer of our own topics that met too much poison stays paused, for all replicas, until somebody resumes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.platform.mongo import Collection, Database, Session

COLLECTION = "consumer_pauses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Whether a subscription is paused, why, and how often it was resumed so far."""

    paused: bool
    reason: str
    resumed: int


class Pauses:
    """The kept pause of one subscription."""

    def __init__(self, database: Database, group: str, topic: str) -> None:
        self._collection = database.collection(COLLECTION)
        self._id = f"{group}/{topic}"
        self._names = {"group": group, "topic": topic}

    async def read(self) -> Pause:
        """The present state."""
        document = await self._collection.find_one({"_id": self._id}) or {}
        return Pause(
            paused=document.get("paused", False),
            reason=document.get("reason", ""),
            resumed=document.get("resumed", 0),
        )

    async def pause(self, session: Session, reason: str, now: datetime) -> None:
        """Pauses inside the transaction that handles the last record before the pause."""
        await self._collection.update_one(
            {"_id": self._id},
            {"$set": {**self._names, "paused": True, "reason": reason, "since": now}},
            upsert=True,
            session=session,
        )


async def resume(database: Database, group: str, topic: str = "") -> list[str]:
    """Lets the paused consumers of `group` go on, or only that of `topic`; returns the topics that were paused.

    Any process may call it: each replica of the group notices within `status_seconds`.
    """
    collection: Collection = database.collection(COLLECTION)
    wanted = {"group": group, "paused": True, **({"topic": topic} if topic else {})}
    resumed: list[str] = []
    for document in await collection.find(wanted):
        change = {"$set": {"paused": False, "reason": ""}, "$inc": {"resumed": 1}}
        if (await collection.update_one({"_id": document["_id"], "paused": True}, change)).modified:
            resumed.append(document["topic"])
    return sorted(resumed)
