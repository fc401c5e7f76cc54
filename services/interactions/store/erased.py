"""The erasure ledger as this service knows it: whoever is in it is taken out of everything, for ever.

Each person has a number, given in the order of commits. A reader keeps the highest number it has seen and asks for
higher ones only, so a look at the ledger costs one empty query, however many people were ever erased.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from services.interactions.store.specs import ERASED
from services.platform.mongo import ASCENDING, DESCENDING, Database, Session


class ErasedPeople:
    """The people who were erased, kept in the database and in memory."""

    def __init__(self, database: Database) -> None:
        self._documents = database.collection(ERASED)
        self._seen = 0
        self._people: set[str] = set()

    async def current(self) -> Set[str]:
        """Everybody whom a majority knows to be erased at the time of the call."""
        # Outside any transaction, at majority: what is remembered here can never be rolled back.
        newer = await self._documents.find({"number": {"$gt": self._seen}}, sort=[("number", ASCENDING)])
        for document in newer:
            self._people.add(document["_id"])
            self._seen = max(self._seen, document["number"])
        return self._people

    async def add(self, session: Session, versions: Mapping[str, int]) -> None:
        """Adds people with their final versions; those who are in it stay as they are."""
        known = await self._documents.find({"_id": {"$in": list(versions)}}, {"_id": 1}, session=session)
        fresh = sorted(versions.keys() - {document["_id"] for document in known})
        if not fresh:
            return
        last = await self._documents.find({}, {"number": 1}, sort=[("number", DESCENDING)], limit=1, session=session)
        first = last[0]["number"] + 1 if last else 1
        await self._documents.insert_many(
            [
                {"_id": person, "number": number, "version": versions[person]}
                for number, person in enumerate(fresh, start=first)
            ],
            session=session,
        )
