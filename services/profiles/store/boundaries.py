"""The boundaries people set. One counts for both sides; only whoever set it can list or remove it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from services.platform.mongo import ASCENDING, Database, Session
from services.profiles.store.specs import BOUNDARIES


class Boundaries:
    """The collection of boundaries: one document for each (person who set it, other person)."""

    def __init__(self, database: Database) -> None:
        self._boundaries = database.collection(BOUNDARIES)

    async def add(self, session: Session, person_id: str, other_id: str) -> bool:
        """Sets a boundary; False if it was there."""
        pair = {"person": person_id, "other": other_id}
        written = await self._boundaries.update_one(pair, {"$setOnInsert": pair}, upsert=True, session=session)
        return bool(written.upserted)

    async def remove(self, session: Session, person_id: str, other_id: str) -> bool:
        """Removes a boundary; False if it was not there."""
        return bool(await self._boundaries.delete_one({"person": person_id, "other": other_id}, session=session))

    async def remove_all(self, session: Session, person_id: str) -> None:
        """Removes the person's boundaries and those that others set about them."""
        await self._boundaries.delete_many({"$or": [{"person": person_id}, {"other": person_id}]}, session=session)

    async def count_set_by(self, session: Session, person_id: str, limit: int) -> int:
        """How many boundaries the person set, counted up to `limit`."""
        found = await self._boundaries.find({"person": person_id}, {"_id": 1}, limit=limit, session=session)
        return len(found)

    async def set_by(self, person_id: str, after: str = "", limit: int = 0) -> list[str]:
        """The people about whom `person_id` set a boundary, sorted, after `after`."""
        wanted = {"person": person_id, "other": {"$gt": after}}
        found = await self._boundaries.find(wanted, {"other": 1}, sort=[("other", ASCENDING)], limit=limit)
        return [document["other"] for document in found]

    async def around(self, person_ids: Collection[str], session: Session | None = None) -> Mapping[str, set[str]]:
        """With whom a boundary stands, whoever set it, for each of `person_ids`."""
        named = list(person_ids)
        wanted = {"$or": [{"person": {"$in": named}}, {"other": {"$in": named}}]}
        pairs: defaultdict[str, set[str]] = defaultdict(set)
        for document in await self._boundaries.find(wanted, session=session):
            pairs[document["person"]].add(document["other"])
            pairs[document["other"]].add(document["person"])
        return pairs

    async def among(self, person_ids: Collection[str]) -> set[frozenset[str]]:
        """The pairs within `person_ids` between whom a boundary stands."""
        named = list(person_ids)
        found = await self._boundaries.find({"person": {"$in": named}, "other": {"$in": named}})
        return {frozenset((document["person"], document["other"])) for document in found}
