"""A collection as the services see it: the few operations they use, with our errors instead of the driver's.

Reads see what a majority holds, writes are acknowledged by a journaled majority, whatever the connection string says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorCollection
from pymongo import DeleteOne, InsertOne, ReplaceOne, ReturnDocument, UpdateOne
from pymongo.read_concern import ReadConcern

from services.platform.mongo.errors import translated

Document = dict[str, Any]
Session = AsyncIOMotorClientSession
Sort = Sequence[tuple[str, int]]
Update = Mapping[str, Any] | Sequence[Mapping[str, Any]]
Write = InsertOne[Document] | UpdateOne | ReplaceOne[Document] | DeleteOne

__all__ = [
    "Collection",
    "DeleteOne",
    "Document",
    "InsertOne",
    "ReplaceOne",
    "Session",
    "UpdateOne",
    "Write",
    "Written",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How many documents a write touched; `upserted` by position of the operation."""

    inserted: int = 0
    matched: int = 0
    modified: int = 0
    deleted: int = 0
    upserted: Mapping[int, Any]


class Collection:
    """One collection. `session` makes an operation part of a transaction (see `Database.transaction`).

    All methods raise DuplicateKey, DatabaseUnavailable or DatabaseError.
    """

    def __init__(self, raw: AsyncIOMotorCollection[Document]) -> None:
        self._raw = raw
        self.name: str = raw.name

    async def find_one(
        self,
        filter: Mapping[str, Any],
        projection: Mapping[str, Any] | None = None,
        *,
        sort: Sort | None = None,
        linearizable: bool = False,
        session: Session | None = None,
    ) -> Document | None:
        """The first match. `linearizable` waits until the primary has proven that it still is one (by _id only)."""
        raw = self._raw.with_options(read_concern=ReadConcern("linearizable")) if linearizable else self._raw
        with translated():
            found: Document | None = await raw.find_one(filter, projection, sort=sort, session=session)
            return found

    async def find(
        self,
        filter: Mapping[str, Any],
        projection: Mapping[str, Any] | None = None,
        *,
        sort: Sort | None = None,
        limit: int = 0,
        hint: str | None = None,
        session: Session | None = None,
    ) -> list[Document]:
        """All matches at once."""
        with translated():
            cursor = self._raw.find(filter, projection, sort=sort, limit=limit, hint=hint, session=session)
            found: list[Document] = await cursor.to_list(length=None)
            return found

    async def pages(
        self,
        filter: Mapping[str, Any],
        projection: Mapping[str, Any] | None = None,
        *,
        sort: Sort | None = None,
        size: int = 1000,
        session: Session | None = None,
    ) -> AsyncIterator[list[Document]]:
        """All matches, at most `size` at a time, by one cursor that is closed with the iterator."""
        cursor = self._raw.find(filter, projection, sort=sort, batch_size=size, session=session)
        try:
            while True:
                with translated():
                    page: list[Document] = await cursor.to_list(length=size)
                if not page:
                    return
                yield page
        finally:
            with translated():
                await cursor.close()

    async def aggregate(
        self, pipeline: Sequence[Mapping[str, Any]], *, hint: str | None = None, session: Session | None = None
    ) -> list[Document]:
        """All results at once."""
        options = {} if hint is None else {"hint": hint}
        with translated():
            found: list[Document] = await self._raw.aggregate(list(pipeline), session=session, **options).to_list(
                length=None
            )
            return found

    async def distinct(self, key: str, filter: Mapping[str, Any], *, session: Session | None = None) -> list[Any]:
        """The different values of `key` among the matches."""
        with translated():
            found: list[Any] = await self._raw.distinct(key, filter, session=session)
            return found

    async def count(self, filter: Mapping[str, Any], *, limit: int = 0, session: Session | None = None) -> int:
        """How many match, counted up to `limit` (0: all)."""
        options = {"limit": limit} if limit else {}
        with translated():
            number: int = await self._raw.count_documents(filter, session=session, **options)
            return number

    async def insert_one(self, document: Document, *, session: Session | None = None) -> None:
        with translated():
            await self._raw.insert_one(document, session=session)

    async def insert_many(
        self, documents: Sequence[Document], *, ordered: bool = True, session: Session | None = None
    ) -> None:
        """Inserts all; nothing for none."""
        if documents:
            with translated():
                await self._raw.insert_many(documents, ordered=ordered, session=session)

    async def update_one(
        self,
        filter: Mapping[str, Any],
        update: Update,
        *,
        upsert: bool = False,
        session: Session | None = None,
    ) -> Written:
        with translated():
            done = await self._raw.update_one(filter, update, upsert=upsert, session=session)
            return _updated(done)

    async def update_many(
        self, filter: Mapping[str, Any], update: Update, *, session: Session | None = None
    ) -> Written:
        with translated():
            return _updated(await self._raw.update_many(filter, update, session=session))

    async def replace_one(
        self,
        filter: Mapping[str, Any],
        replacement: Document,
        *,
        upsert: bool = False,
        session: Session | None = None,
    ) -> Written:
        with translated():
            return _updated(await self._raw.replace_one(filter, replacement, upsert=upsert, session=session))

    async def delete_one(self, filter: Mapping[str, Any], *, session: Session | None = None) -> int:
        with translated():
            return int((await self._raw.delete_one(filter, session=session)).deleted_count)

    async def delete_many(self, filter: Mapping[str, Any], *, session: Session | None = None) -> int:
        with translated():
            return int((await self._raw.delete_many(filter, session=session)).deleted_count)

    async def find_one_and_update(
        self,
        filter: Mapping[str, Any],
        update: Update,
        projection: Mapping[str, Any] | None = None,
        *,
        sort: Sort | None = None,
        upsert: bool = False,
        after: bool = True,
        session: Session | None = None,
    ) -> Document | None:
        """Updates one and returns it as it is after the update (`after`) or was before; None without a match."""
        which = ReturnDocument.AFTER if after else ReturnDocument.BEFORE
        with translated():
            found: Document | None = await self._raw.find_one_and_update(
                filter, update, projection, sort=sort, upsert=upsert, return_document=which, session=session
            )
            return found

    async def bulk_write(
        self, writes: Sequence[Write], *, ordered: bool = True, session: Session | None = None
    ) -> Written:
        """Runs all writes in few round trips; nothing for none."""
        if not writes:
            return Written(upserted={})
        with translated():
            done = await self._raw.bulk_write(list(writes), ordered=ordered, session=session)
            return Written(
                inserted=done.inserted_count,
                matched=done.matched_count,
                modified=done.modified_count,
                deleted=done.deleted_count,
                upserted=done.upserted_ids or {},
            )


def _updated(done: Any) -> Written:
    upserted = {} if done.upserted_id is None else {0: done.upserted_id}
    return Written(matched=done.matched_count, modified=done.modified_count, upserted=upserted)
