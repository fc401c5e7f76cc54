"""The registered sources."""

from __future__ import annotations

from collections.abc import Iterable

from services.interactions.domain import Source
from services.interactions.store.specs import SOURCES
from services.platform.mongo import ASCENDING, Database, Document, DuplicateKey, Session


class SourceStore:
    """The sources by name."""

    def __init__(self, database: Database) -> None:
        self._documents = database.collection(SOURCES)

    async def add(self, source: Source) -> bool:
        """Whether it was new; nothing changes if it was not."""
        try:
            await self._documents.insert_one(_document(source))
        except DuplicateKey:
            return False
        return True

    async def get(self, source_id: str, *, session: Session | None = None) -> Source | None:
        """The source, if it is registered."""
        found = await self._documents.find_one({"_id": source_id}, session=session)
        return None if found is None else _source(found)

    async def named(self, source_ids: Iterable[str]) -> dict[str, Source]:
        """Those of the sources that are registered, by name."""
        found = await self._documents.find({"_id": {"$in": sorted(source_ids)}})
        return {document["_id"]: _source(document) for document in found}

    async def page(self, *, after: str, limit: int) -> list[Source]:
        """Up to `limit` sources whose names follow `after`, by name."""
        wanted = {"_id": {"$gt": after}}
        found = await self._documents.find(wanted, sort=[("_id", ASCENDING)], limit=limit)
        return [_source(document) for document in found]

    async def replace(self, session: Session, old: Source, new: Source) -> bool:
        """Whether the source was still in its version `old`, and is `new` now."""
        done = await self._documents.replace_one(
            {"_id": old.source_id, "version": old.version}, _document(new), session=session
        )
        return done.matched == 1


def _document(source: Source) -> Document:
    return {
        "_id": source.source_id,
        "purpose": source.purpose,
        "enabled": source.enabled,
        "version": source.version,
        "created": source.created,
    }


def _source(document: Document) -> Source:
    return Source(
        source_id=document["_id"],
        purpose=document["purpose"],
        enabled=document["enabled"],
        version=document["version"],
        created=document["created"],
    )
