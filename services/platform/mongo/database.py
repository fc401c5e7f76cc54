"""The database of one service: its collections, and transactions that end within a bounded time.

A transaction's body is repeated when the server says it left no trace; a commit whose outcome is unknown is repeated
as a commit, never as a body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from services.platform.clock import Clock, SystemClock
from services.platform.mongo.collection import Collection, Document, Session
from services.platform.mongo.errors import DatabaseError, DatabaseUnavailable, translate, translated
from services.platform.mongo.indexes import Index
from services.platform.settings import MongoSettings

T = TypeVar("T")
_MAJORITY = WriteConcern(w="majority", j=True)
_EXISTS_ALREADY = 48
_OTHER_OPTIONS = 85
_ABORT_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Bytes this database takes on disk, and bytes the file system that holds it has in all and still free."""

    used: int
    disk: int
    free: int


class Database:
    """One service's database."""

    def __init__(
        self, client: AsyncIOMotorClient[Document], name: str, transaction_seconds: float, clock: Clock
    ) -> None:
        self._client = client
        self._clock = clock
        self._transaction_seconds = transaction_seconds
        self._raw: AsyncIOMotorDatabase[Document] = client.get_database(
            name,
            write_concern=_MAJORITY,
            read_concern=ReadConcern("majority"),
            read_preference=ReadPreference.PRIMARY,
        )
        self.name = name

    @classmethod
    def connect(cls, settings: MongoSettings, database: str = "", *, clock: Clock | None = None) -> Database:
        """A client of the running event loop. Nothing is asked of the server yet.

        `database` overrides the name in the settings.
        """
        client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
            settings.uri,
            io_loop=asyncio.get_running_loop(),
            maxPoolSize=settings.maximum_pool_size,
            serverSelectionTimeoutMS=int(settings.server_selection_seconds * 1000),
            connectTimeoutMS=int(settings.server_selection_seconds * 1000),
            socketTimeoutMS=int(max(30.0, settings.transaction_seconds) * 1000),
            tz_aware=True,
            retryWrites=True,
            retryReads=True,
        )
        return cls(client, database or settings.database, settings.transaction_seconds, clock or SystemClock())

    def collection(self, name: str) -> Collection:
        return Collection(self._raw[name])

    async def ensure(self, specs: Mapping[str, Sequence[Index]]) -> None:
        """Creates the collections and indexes that do not exist yet.

        An expiry that differs is changed. Raises DatabaseError when an index of that name exists with other keys or
        other options.
        """
        for name, indexes in specs.items():
            with translated():
                try:
                    await self._raw.create_collection(name)
                except PyMongoError as error:
                    if getattr(error, "code", None) != _EXISTS_ALREADY and "already exists" not in str(error):
                        raise
                try:
                    await self._create(name, indexes)
                except PyMongoError as error:
                    if getattr(error, "code", None) != _OTHER_OPTIONS:
                        raise
                    await self._change_expiry(name, indexes)
                    await self._create(name, indexes)

    async def _create(self, name: str, indexes: Sequence[Index]) -> None:
        if indexes:
            await self._raw[name].create_indexes([index.model() for index in indexes])

    async def _change_expiry(self, name: str, indexes: Sequence[Index]) -> None:
        """How long documents are kept is a setting: the one option of an index that may change."""
        for index in indexes:
            if index.expire_after is not None:
                change = {"name": index.name, "expireAfterSeconds": int(index.expire_after.total_seconds())}
                with suppress(OperationFailure):  # one that does not exist yet is created next
                    await self._raw.command("collMod", name, index=change)

    async def transaction(self, body: Callable[[Session], Awaitable[T]], *, seconds: float | None = None) -> T:
        """Runs `body` and commits what it wrote with its session; snapshot reads, journaled majority writes.

        `body` may run several times, so it has no effects but those of its session, uses the session one operation
        at a time and lets database errors through. What it raises aborts the transaction and is raised here. All of
        it takes at most `seconds` (default: the setting), after which DatabaseUnavailable is raised; the outcome is
        then unknown only if the commit had been asked for. A caller that is cancelled waits until the server knows.
        """
        bound = self._transaction_seconds if seconds is None else seconds
        task = asyncio.create_task(self._transact(body, self._clock.monotonic() + bound))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            # The driver's threads cannot be cancelled: abandoning a session in use leaves locks for a minute.
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()
            raise

    async def _transact(self, body: Callable[[Session], Awaitable[T]], deadline: float) -> T:
        pause = 0.002
        while True:
            try:
                return await self._attempt(body, deadline)
            except DatabaseError as error:
                again = "TransientTransactionError" in error.labels
                if not again:
                    raise
                if self._clock.monotonic() + pause >= deadline:
                    raise DatabaseUnavailable(f"no transaction within its time: {error}") from error
            except PyMongoError as error:
                raise translate(error) from error
            await self._clock.sleep(pause * self._clock.random.uniform(0.5, 1.5))
            pause = min(pause * 2, 0.2)

    async def _attempt(self, body: Callable[[Session], Awaitable[T]], deadline: float) -> T:
        async with await self._client.start_session() as session:
            session.start_transaction(
                read_concern=ReadConcern("snapshot"),
                write_concern=_MAJORITY,
                read_preference=ReadPreference.PRIMARY,
            )
            try:
                with self._until(deadline):
                    result = await body(session)
            except BaseException:
                # Outside the deadline: a transaction that is not aborted keeps its locks for a minute.
                with suppress(PyMongoError), pymongo.timeout(_ABORT_SECONDS):
                    await session.abort_transaction()
                raise
            while True:
                try:
                    with translated(), self._until(deadline):
                        await session.commit_transaction()
                    return result
                except DatabaseError as error:
                    unknown = "UnknownTransactionCommitResult" in error.labels
                    if not unknown:
                        raise
                    if self._clock.monotonic() >= deadline:
                        raise DatabaseUnavailable(f"it is unknown whether the commit took effect: {error}") from error

    def _until(self, deadline: float) -> AbstractContextManager[None]:
        return pymongo.timeout(max(deadline - self._clock.monotonic(), 0.001))

    async def now(self) -> datetime:
        """The primary's clock, aware, UTC: the only wall clock that claims may expire by."""
        with translated():
            answer = await self._client.admin.command("hello")
        local: datetime = answer["localTime"]
        return local.astimezone(UTC)

    async def storage(self) -> Storage:
        """What this database takes on disk and how much the disk still has."""
        with translated():
            stats = await self._raw.command("dbStats")
        disk, taken = int(stats.get("fsTotalSize", 0)), int(stats.get("fsUsedSize", 0))
        return Storage(used=int(stats.get("totalSize", 0)), disk=disk, free=disk - taken)

    async def drop(self) -> None:
        """Deletes this database and all it holds."""
        with translated():
            await self._client.drop_database(self.name)

    async def close(self) -> None:
        """Closes all connections."""
        self._client.close()
