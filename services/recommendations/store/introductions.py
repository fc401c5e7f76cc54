"""Introductions in the database: one open introduction per pair, and every step conditional on the version it saw."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from datetime import datetime

from services.platform.mongo import (
    ASCENDING,
    DESCENDING,
    Database,
    Document,
    DuplicateKey,
    Index,
    Session,
)
from services.recommendations.domain.introduction import Introduction, State
from services.recommendations.domain.messages import Change, issued_messages
from services.recommendations.store.documents import introduction_document, introduction_of

INTRODUCTIONS = "introductions"
INTRODUCTION_INDEXES = {
    INTRODUCTIONS: [
        Index(
            name="one_open_per_pair",
            keys=[("open_pairs", ASCENDING)],
            unique=True,
            partial={"open_pairs": {"$exists": True}},
        ),
        Index(name="of_a_person", keys=[("people", ASCENDING), ("create_time", DESCENDING), ("_id", DESCENDING)]),
        Index(name="due", keys=[("due_time", ASCENDING)], partial={"due_time": {"$exists": True}}),
        Index(name="proposals", keys=[("shadow", ASCENDING), ("create_time", DESCENDING), ("_id", DESCENDING)]),
    ]
}


class PairIsOpen(Exception):
    """Two of the people are in another open introduction already."""


class AlreadyProposed(Exception):
    """The claim was used before: its introduction exists."""


class VersionConflict(Exception):
    """The introduction was changed since it was read: read again."""


class IntroductionStore:
    """The collection of introductions."""

    def __init__(self, database: Database) -> None:
        self._collection = database.collection(INTRODUCTIONS)

    async def insert(self, session: Session, introduction: Introduction) -> None:
        """Raises PairIsOpen or AlreadyProposed; the transaction is then over."""
        try:
            await self._collection.insert_one(introduction_document(introduction), session=session)
        except DuplicateKey as error:
            raise (AlreadyProposed if "_id" in error.key_pattern else PairIsOpen) from error

    async def get(self, introduction_id: str, session: Session | None = None) -> Introduction | None:
        """One introduction."""
        found = await self._collection.find_one({"_id": introduction_id}, session=session)
        return introduction_of(found) if found is not None else None

    async def many(self, introduction_ids: Collection[str]) -> dict[str, Introduction]:
        """Those of the ids that exist."""
        found = await self._collection.find({"_id": {"$in": list(introduction_ids)}})
        return {document["_id"]: introduction_of(document) for document in found}

    async def save(self, session: Session, change: Change) -> None:
        """Replaces the version the change rests on; one without people left is deleted. Raises VersionConflict."""
        at = {"_id": change.introduction.introduction_id, "version": change.before}
        if not change.introduction.participations:
            matched = await self._collection.delete_one(at, session=session)
        else:
            replacement = introduction_document(change.introduction)
            matched = (await self._collection.replace_one(at, replacement, session=session)).matched
        if not matched:
            raise VersionConflict

    async def of_person(self, person_id: str, *, after: tuple[datetime, str] | None, limit: int) -> list[Introduction]:
        """What a person was asked about, newest first, after a position in that order."""
        return await self._newest({"people": person_id, "shadow": False}, after, limit)

    async def proposals(self, *, after: tuple[datetime, str] | None, limit: int) -> list[Introduction]:
        """What nobody was asked about, newest first, after a position in that order."""
        return await self._newest({"shadow": True}, after, limit)

    async def _newest(self, wanted: Document, after: tuple[datetime, str] | None, limit: int) -> list[Introduction]:
        if after is not None:
            time, named = after
            wanted = wanted | {"$or": [{"create_time": {"$lt": time}}, {"create_time": time, "_id": {"$lt": named}}]}
        sort = [("create_time", DESCENDING), ("_id", DESCENDING)]
        return [introduction_of(each) for each in await self._collection.find(wanted, sort=sort, limit=limit)]

    async def partners(self, person_ids: Collection[str], *, since: datetime, shadow: bool) -> dict[str, set[str]]:
        """For each person everybody with whom they have an open or a recent introduction, whatever became of it."""
        wanted = {"people": {"$in": list(person_ids)}, "create_time": {"$gte": since}, "shadow": shadow}
        partners: dict[str, set[str]] = {person_id: set() for person_id in person_ids}
        for document in await self._collection.find(wanted, {"people": 1, "_id": 0}):
            for person_id in document["people"]:
                if person_id in partners:
                    partners[person_id].update(each for each in document["people"] if each != person_id)
        return partners

    async def open_count(self, person_id: str, *, limit: int) -> int:
        """In how many open introductions the person is, counted up to `limit`."""
        return await self._collection.count({"people": person_id, "state": State.INVITED.value}, limit=limit)

    async def due(self, now: datetime, limit: int) -> list[str]:
        """The ids of those that time alone changes, the longest overdue first."""
        found = await self._collection.find(
            {"due_time": {"$lte": now}}, {"_id": 1}, sort=[("due_time", ASCENDING)], limit=limit
        )
        return [document["_id"] for document in found]

    async def open_of(self, person_ids: Collection[str]) -> list[Introduction]:
        """Open introductions that name any of the people."""
        wanted = {"people": {"$in": list(person_ids)}, "state": State.INVITED.value}
        return [introduction_of(each) for each in await self._collection.find(wanted)]

    async def naming(self, person_ids: Collection[str]) -> list[tuple[str, list[str]]]:
        """(id, people) of every introduction in any state, also never asked about, that names any of the people."""
        found = await self._collection.find({"people": {"$in": list(person_ids)}}, {"people": 1})
        return [(document["_id"], document["people"]) for document in found]

    async def delete_proposals_of(self, person_ids: Collection[str]) -> None:
        """Removes what was never asked about and names any of the people."""
        await self._collection.delete_many({"people": {"$in": list(person_ids)}, "shadow": True})

    async def issued(self) -> AsyncIterator[list[tuple[str, str, str]]]:
        """(message id, introduction id, recipient) of every message ever handed on, in chunks."""
        async for page in self._collection.pages({"shadow": False}, size=500):
            introductions = [introduction_of(document) for document in page]
            yield [
                (message_id, introduction.introduction_id, recipient)
                for introduction in introductions
                for message_id, recipient in issued_messages(introduction)
            ]
