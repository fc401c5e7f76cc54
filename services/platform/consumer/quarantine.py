"""A source that sends too much poison is set aside alone, until it is released: the kept side of it.

Whoever sets records aside changes the source's document in the same transaction, so a release that is just being
finished and a batch that still sets aside exclude each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.platform.consumer.offsets import Fenced
from services.platform.mongo import ASCENDING, Database, Document, Session

COLLECTION = "consumer_quarantines"
Marks = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """A source set aside: how far its records were set aside and replayed, as offset + 1 by `mark` of the partition."""

    source: str
    releasing: bool
    diverted: Marks
    replayed: Marks


def mark(generation: int, partition: int) -> str:
    """The key of one partition in one generation of the topic."""
    return f"g{generation}p{partition}"


class Quarantines:
    """The sources of one subscription that are set aside."""

    def __init__(self, database: Database, group: str, topic: str) -> None:
        self._collection = database.collection(COLLECTION)
        self._names = {"group": group, "topic": topic}

    async def current(self, session: Session | None = None) -> dict[str, Quarantine]:
        """Every source that is set aside now, also while it is being released."""
        wanted = {**self._names, "state": {"$in": ["quarantined", "releasing"]}}
        documents = await self._collection.find(wanted, session=session)
        return {document["source"]: _quarantine(document) for document in documents}

    async def begin(self, session: Session, source: str, reason: str, now: datetime) -> None:
        """Sets `source` aside from the next record on."""
        await self._collection.update_one(
            {"_id": self._id(source)},
            {
                "$set": {**self._names, "source": source, "state": "quarantined", "reason": reason, "since": now},
                "$setOnInsert": {"diverted": {}, "replayed": {}},
            },
            upsert=True,
            session=session,
        )

    async def divert(self, session: Session, source: str, marks: Marks) -> None:
        """Notes that the records below `marks` were set aside; raises Fenced when the source has been released."""
        written = await self._collection.update_one(
            {"_id": self._id(source), "state": {"$in": ["quarantined", "releasing"]}},
            {"$set": {f"diverted.{key}": offset for key, offset in marks.items()}},
            session=session,
        )
        if written.matched != 1:
            raise Fenced(f"{source} was released meanwhile")

    async def advance(self, session: Session, quarantine: Quarantine, replayed: Marks) -> None:
        """Moves the replay on inside the transaction of its effects; raises Fenced when another replica did."""
        written = await self._collection.update_one(
            {
                "_id": self._id(quarantine.source),
                "state": "releasing",
                **{f"replayed.{key}": quarantine.replayed.get(key) for key in replayed},
            },
            {"$set": {f"replayed.{key}": offset for key, offset in replayed.items()}},
            session=session,
        )
        if written.matched != 1:
            raise Fenced(f"{quarantine.source} is replayed by another replica")

    async def end(self, quarantine: Quarantine) -> bool:
        """Ends the release unless records were set aside since `quarantine` was read; tells whether it is over."""
        written = await self._collection.update_one(
            {"_id": self._id(quarantine.source), "state": "releasing", "diverted": dict(quarantine.diverted)},
            {"$set": {"state": "open"}},
        )
        return bool(written.matched)

    def _id(self, source: str) -> str:
        return f"{self._names['group']}/{self._names['topic']}/{source}"


async def release(database: Database, source: str, topic: str = "") -> list[str]:
    """Has the records of `source` replayed in order and then lets it in again; returns the topics concerned.

    Any process may call it; a replica that consumes the topic does the work and ends the quarantine when it caught up.
    """
    collection = database.collection(COLLECTION)
    wanted = {"source": source, "state": {"$in": ["quarantined", "releasing"]}, **({"topic": topic} if topic else {})}
    topics: list[str] = [document["topic"] for document in await collection.find(wanted)]
    await collection.update_many({**wanted, "state": "quarantined"}, {"$set": {"state": "releasing"}})
    return sorted(topics)


async def quarantined(database: Database) -> list[tuple[str, str, str]]:
    """(topic, source, reason) of every source set aside in this service, also while it is being released."""
    collection = database.collection(COLLECTION)
    found = await collection.find({"state": {"$in": ["quarantined", "releasing"]}}, sort=[("_id", ASCENDING)])
    return [(document["topic"], document["source"], document["reason"]) for document in found]


def _quarantine(document: Document) -> Quarantine:
    return Quarantine(
        source=document["source"],
        releasing=document["state"] == "releasing",
        diverted=document["diverted"],
        replayed=document["replayed"],
    )
