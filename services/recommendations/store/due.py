"""Whose turn it is: each person is claimed by one planner at a time, and a claim takes effect once.

A claim expires by the database's own time; a planner that lost its claim loses its transaction too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.platform.mongo import ASCENDING, Database, Document, Index, Session, UpdateOne
from services.recommendations.domain.people import Cadence

DUE = "due_people"
DUE_INDEXES = {DUE: [Index(name="due", keys=[("due_time", ASCENDING)], partial={"due_time": {"$exists": True}})]}


class ClaimLost(Exception):
    """Another planner has the claim now, or it took effect already."""


class NoTurns(Exception):
    """The person takes no part, or was erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One person's consideration number `period`; `fence` rises with every claim of the person."""

    person_id: str
    period: int
    fence: int


class DueStore:
    """When each person who takes part is considered next. Nobody is due without `due_time`."""

    def __init__(self, database: Database) -> None:
        self._collection = database.collection(DUE)

    async def known(self) -> dict[str, Cadence]:
        """Everybody there is, with the cadence their next turn rests on."""
        found: dict[str, Cadence] = {}
        async for page in self._collection.pages({"cadence": {"$ne": None}}, {"cadence": 1}):
            found.update((document["_id"], Cadence(document["cadence"])) for document in page)
        return found

    async def enter(self, cadences: Mapping[str, Cadence], now: datetime) -> None:
        """Makes newcomers due now, and those whose cadence changed one new interval after their last turn."""
        await self._collection.bulk_write(
            [UpdateOne({"_id": each}, _entered(cadence, now), upsert=True) for each, cadence in cadences.items()],
            ordered=False,
        )

    async def leave(self, person_ids: Collection[str]) -> None:
        """Gives no turn to people who no longer take part; the number of their turns is kept, so no id comes again."""
        await self._collection.update_many(
            {"_id": {"$in": list(person_ids)}},
            {"$set": {"cadence": None}, "$unset": {"due_time": "", "lease_until": ""}},
        )

    async def forget(self, person_ids: Collection[str]) -> None:
        """Removes erased people."""
        await self._collection.delete_many({"_id": {"$in": list(person_ids)}})

    async def claim(self, now: datetime, *, lease_seconds: float) -> Claim | None:
        """Claims whoever is longest due and unclaimed; None if nobody is."""
        free = {"$lte": [{"$ifNull": ["$lease_until", 0]}, "$$NOW"]}
        until = {"$add": ["$$NOW", int(lease_seconds * 1000)]}
        found = await self._collection.find_one_and_update(
            {"due_time": {"$lte": now}, "$expr": free},
            [{"$set": {"lease_until": until, "fence": {"$add": ["$fence", 1]}}}],
            sort=[("due_time", ASCENDING)],
        )
        return Claim(person_id=found["_id"], period=found["period"], fence=found["fence"]) if found else None

    async def finish(self, claim: Claim, now: datetime, next_time: datetime | None, session: Session) -> None:
        """The claim takes effect, in the transaction of its effect. Raises ClaimLost; the transaction is then over."""
        if not await self._release(claim, {"period": claim.period + 1, "last_time": now}, next_time, session):
            raise ClaimLost

    async def skip(self, claim: Claim) -> None:
        """The claim's number was used before: the next claim has the next one. A lost claim is left alone."""
        mine = {"_id": claim.person_id, "fence": claim.fence, "period": claim.period}
        await self._collection.update_one(mine, {"$inc": {"period": 1}, "$unset": {"lease_until": ""}})

    async def give_back(self, claim: Claim, next_time: datetime | None) -> None:
        """The claim has no effect; the person is looked at again at `next_time`. A lost claim is left alone."""
        await self._release(claim, {}, next_time, None)

    async def _release(
        self, claim: Claim, fields: Document, next_time: datetime | None, session: Session | None
    ) -> bool:
        mine = {"_id": claim.person_id, "fence": claim.fence, "period": claim.period}
        update: Document = {"$set": dict(fields), "$unset": {"lease_until": ""}}
        if next_time is None:
            update["$unset"]["due_time"] = ""
        else:
            update["$set"]["due_time"] = next_time
        if not update["$set"]:
            del update["$set"]
        return bool((await self._collection.update_one(mine, update, session=session)).matched)

    async def delay(self, person_id: str, until: datetime | None, session: Session) -> None:
        """Somebody else's turn led to an introduction of this person: their own comes no sooner than `until`.

        Raises NoTurns; the transaction is then over. It always writes, so that it and `forget` exclude one another.
        """
        later = {} if until is None else {"$max": {"due_time": until}}
        touched = await self._collection.update_one(
            {"_id": person_id, "cadence": {"$ne": None}}, {"$inc": {"others_turns": 1}, **later}, session=session
        )
        if not touched.matched:
            raise NoTurns

    async def hurry(self, person_ids: Collection[str] | None, now: datetime) -> int:
        """Makes people due now, all with None; whoever wants to be asked on demand only is left alone. How many."""
        wanted: Document = {"cadence": {"$nin": [None, Cadence.ON_DEMAND.value]}}
        if person_ids is not None:
            wanted["_id"] = {"$in": list(person_ids)}
        waiting = wanted | {"$or": [{"due_time": {"$gt": now}}, {"due_time": {"$exists": False}}]}
        await self._collection.update_many(waiting, {"$set": {"due_time": now}})
        return await self._collection.count(wanted)


def _entered(cadence: Cadence, now: datetime) -> list[Document]:
    """An update that leaves whoever is known with this cadence as they are."""
    if cadence.interval is None:
        turn: object = "$$REMOVE"
    else:
        interval = int(cadence.interval.total_seconds() * 1000)
        turn = {"$cond": [{"$ifNull": ["$last_time", False]}, {"$add": ["$last_time", interval]}, now]}
    same = {"$eq": ["$cadence", cadence.value]}
    return [
        {
            "$set": {
                "due_time": {"$cond": [same, {"$ifNull": ["$due_time", "$$REMOVE"]}, turn]},
                "cadence": cadence.value,
                "period": {"$ifNull": ["$period", 0]},
                "fence": {"$ifNull": ["$fence", 0]},
            }
        }
    ]
