"""How much a person was given this month, raised under caps: whoever loses the race proposes somebody else."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from services.platform.mongo import ASCENDING, Database, Document, DuplicateKey, Index, Session

CAPACITY = "capacity"
CAPACITY_INDEXES = {
    CAPACITY: [
        Index(name="full", keys=[("period", ASCENDING), ("full", ASCENDING)], partial={"full": True}),
        Index(name="of_a_person", keys=[("person_id", ASCENDING)]),
        Index(name="kept", keys=[("last_time", ASCENDING)], expire_after=timedelta(days=70)),
    ]
}


class CapReached(Exception):
    """The person, or the whole organisation for the day (""), has no room left."""

    def __init__(self, person_id: str) -> None:
        super().__init__(f"no room left for {person_id or 'anybody today'}")
        self.person_id = person_id


class CapacityStore:
    """Counters per person and month, and one per day for everybody. Shadow proposals have counters of their own.

    `inbound` counts those introductions of a person that somebody else's turn led to.
    """

    def __init__(self, database: Database) -> None:
        self._collection = database.collection(CAPACITY)

    async def take(
        self,
        session: Session,
        person_id: str,
        now: datetime,
        *,
        cap: int,
        inbound_cap: int,
        inbound: bool,
        shadow: bool,
    ) -> None:
        """Counts one introduction of the person in this month. Raises CapReached; the transaction is then over."""
        month = _month(now, shadow)
        room: Document = {"_id": f"{month}/{person_id}", "all": {"$not": {"$gte": cap}}}
        if inbound:
            room["inbound"] = {"$not": {"$gte": inbound_cap}}
        full = {"$or": [{"$gte": ["$all", cap]}, {"$gte": ["$inbound", inbound_cap]}]}
        if cap < 1 or (inbound and inbound_cap < 1):
            raise CapReached(person_id)
        await self._count(session, room, person_id, month, now, inbound=int(inbound), full=full)

    async def take_day(self, session: Session, now: datetime, *, cap: int, shadow: bool) -> None:
        """Counts one introduction of the day, for the whole organisation. Raises CapReached with ""."""
        if cap < 1:
            raise CapReached("")
        day = _day(now, shadow)
        room: Document = {"_id": day, "all": {"$not": {"$gte": cap}}}
        await self._count(session, room, "", day, now, inbound=0, full={"$gte": ["$all", cap]})

    async def _count(
        self,
        session: Session,
        room: Document,
        person_id: str,
        period: str,
        now: datetime,
        *,
        inbound: int,
        full: Document,
    ) -> None:
        counted = {
            "all": {"$add": [{"$ifNull": ["$all", 0]}, 1]},
            "inbound": {"$add": [{"$ifNull": ["$inbound", 0]}, inbound]},
            "person_id": person_id,
            "period": period,
            "last_time": now,
        }
        try:
            await self._collection.update_one(
                room, [{"$set": counted}, {"$set": {"full": full}}], upsert=True, session=session
            )
        except DuplicateKey as error:
            raise CapReached(person_id) from error

    async def full(self, now: datetime, *, shadow: bool) -> set[str]:
        """Everybody without room this month for an introduction that somebody else's turn leads to."""
        found = await self._collection.find(
            {"period": _month(now, shadow), "full": True}, {"person_id": 1, "_id": 0}, hint="full"
        )
        return {document["person_id"] for document in found}

    async def day_is_full(self, now: datetime, *, cap: int, shadow: bool) -> bool:
        """Whether nothing more may be proposed today."""
        day = await self._collection.find_one({"_id": _day(now, shadow)})
        return cap < 1 or (day is not None and day["all"] >= cap)

    async def taken(self, person_id: str, now: datetime, *, shadow: bool) -> int:
        """How many introductions the person was given this month."""
        found = await self._collection.find_one({"_id": f"{_month(now, shadow)}/{person_id}"})
        return found["all"] if found is not None else 0

    async def forget(self, person_ids: Collection[str]) -> None:
        """Removes every counter of erased people."""
        await self._collection.delete_many({"person_id": {"$in": list(person_ids)}})


def _month(now: datetime, shadow: bool) -> str:
    return _space(now.strftime("%Y-%m"), shadow)


def _day(now: datetime, shadow: bool) -> str:
    return _space(now.strftime("%Y-%m-%d"), shadow)


def _space(period: str, shadow: bool) -> str:
    return f"shadow {period}" if shadow else period
