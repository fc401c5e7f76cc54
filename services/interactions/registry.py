"""Sources are registered once, and switched on and off with the fact that says so in the same transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Set
from dataclasses import replace

from acquaint.errors.v1 import error_reason_pb2

from services.interactions import messages
from services.interactions.domain import Source
from services.interactions.store import SourceStore
from services.platform.clock import Clock
from services.platform.errors import aborted, already_exists, not_found
from services.platform.mongo import Database, Session
from services.platform.outbox import Outbox
from services.platform.topics import Topic


class Registry:
    """The registered sources. `quarantined` names those set aside, `release` ends a quarantine."""

    def __init__(
        self,
        *,
        database: Database,
        sources: SourceStore,
        outbox: Outbox,
        topic: Topic,
        clock: Clock,
        quarantined: Callable[[], Awaitable[Set[str]]],
        release: Callable[[str], Awaitable[None]],
    ) -> None:
        self.quarantined = quarantined
        self._database = database
        self._sources = sources
        self._outbox = outbox
        self._topic = topic
        self._clock = clock
        self._release = release

    async def register(self, source_id: str, purpose: str, enabled: bool) -> Source:
        """The source as stored; `enabled` is its first state and changes nothing when it is there already.

        Raises ServiceError ALREADY_EXISTS when it is there with another purpose.
        """
        source = Source(source_id=source_id, purpose=purpose, enabled=enabled, version=1, created=self._clock.now())
        if await self._sources.add(source):
            return source
        stored = await self.get(source_id)
        if stored.purpose != purpose:
            raise already_exists("source", source_id)
        return stored

    async def get(self, source_id: str) -> Source:
        """The source; raises ServiceError NOT_FOUND."""
        found = await self._sources.get(source_id)
        if found is None:
            raise not_found("source", source_id)
        return found

    async def page(self, *, after: str, limit: int) -> list[Source]:
        """Up to `limit` sources whose names follow `after`, by name."""
        return await self._sources.page(after=after, limit=limit)

    async def switch(self, source_id: str, enabled: bool, etag: str) -> Source:
        """The source in its new state; a state that it has already changes and publishes nothing.

        Raises ServiceError NOT_FOUND, or ABORTED when `etag` is given and is not the source's.
        """

        async def body(session: Session) -> Source:
            old = await self._sources.get(source_id, session=session)
            if old is None:
                raise not_found("source", source_id)
            if etag and etag != old.etag:
                raise _changed(source_id)
            if old.enabled == enabled:
                return old
            new = replace(old, enabled=enabled, version=old.version + 1)
            if not await self._sources.replace(session, old, new):
                raise _changed(source_id)
            await self._outbox.append(session, self._topic, [messages.switched(new)], aggregate=f"source/{source_id}")
            return new

        source = await self._database.transaction(body)
        self._outbox.notify()
        return source

    async def release(self, source_id: str) -> None:
        """Ends a quarantine, if there is one; the replay goes on afterwards.

        Raises ServiceError NOT_FOUND for a name that is neither registered nor set aside.
        """
        if source_id not in await self.quarantined():
            await self.get(source_id)
        await self._release(source_id)


def _changed(source_id: str) -> Exception:
    return aborted(
        error_reason_pb2.ERROR_REASON_ETAG_MISMATCH, f"source {source_id!r} has changed; read it again, then repeat"
    )
