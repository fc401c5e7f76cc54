"""The owner of a state topic reads it back: compaction keeps the last record of a key, not the highest version.

A record that is missing, older than the owner's state, or not the final one of what has come to its end makes the owner
publish the present state again. Repeats are harmless: readers keep the highest version.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.message import Message

from services.platform.clock import Clock
from services.platform.envelope import Malformed, decode
from services.platform.errors import DependencyUnavailable, ServiceError
from services.platform.log import LogFactory
from services.platform.mongo import Database, DatabaseError
from services.platform.outbox.journal import Journal
from services.platform.outbox.rows import shard_of
from services.platform.settings import RelaySettings
from services.platform.supervision import supervised_task
from services.platform.telemetry import Metrics, get_logger
from services.platform.topics import Topic

logger = get_logger(__name__)

_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnState:
    """What the owner's store says of one key: the present version, and whether it is the last there will be."""

    key: str
    version: int
    final: bool = False


class StateOwner(Protocol):
    """The owner's store, for one topic."""

    async def states(self, after: str, limit: int) -> Sequence[OwnState]:
        """At most `limit` states with keys above `after`, ascending; ended ones included. None: the end."""
        ...

    async def republish(self, keys: Sequence[str]) -> None:
        """Appends the present state of each key to the outbox, with its present version, in one transaction."""
        ...


class StateReadBack:
    """A component of the service that owns `topic`; `final` is the event of a last state, if the topic has one."""

    def __init__(
        self,
        topic: Topic,
        owner: StateOwner,
        *,
        database: Database,
        log: LogFactory,
        clock: Clock,
        settings: RelaySettings,
        metrics: Metrics,
        final: type[Message] | None = None,
    ) -> None:
        self.name = f"read-back-{topic.name}"
        self._topic = topic
        self._owner = owner
        self._journals = [Journal(database, topic, shard) for shard in range(topic.partitions)]
        self._log = log
        self._clock = clock
        self._settings = settings
        self._metrics = metrics
        self._final = None if final is None else final.DESCRIPTOR.full_name
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Reads back now and then."""
        self._task = supervised_task(self.name, self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def check(self) -> int:
        """Reads the whole topic back once; returns how many states were published again.

        What the outbox still holds is waited for before anything is called missing. Raises DependencyUnavailable.
        """
        again = 0
        for partition, journal in enumerate(self._journals):
            behind = await self._behind(partition, await self._last(partition))
            if behind:
                await self._drained(journal)
                # What was on its way has arrived; whatever is still behind the state of then is lost.
                last = await self._last(partition)
                behind = {key: own for key, own in behind.items() if _is_behind(own, last.get(key))}
            keys = list(behind)
            for start in range(0, len(keys), _PAGE):
                await self._owner.republish(keys[start : start + _PAGE])
            again += len(keys)
        if again:
            logger.warning("states_published_again", topic=self._topic.name, states=again)
            self._metrics.state_republished.labels(self._topic.name).inc(again)
        return again

    async def _run(self) -> None:
        while True:
            try:
                await self.check()
            except (DependencyUnavailable, DatabaseError, ServiceError) as error:
                logger.warning("read_back_failed", topic=self._topic.name, cause=str(error))
            await self._clock.sleep(self._settings.read_back_seconds * self._clock.random.uniform(0.9, 1.1))

    async def _last(self, partition: int) -> Mapping[str, OwnState]:
        """The last record of each key of a partition: what compaction would leave, and a late reader would find."""
        last: dict[str, OwnState] = {}
        async for page in self._log.read(self._topic.name, partition):
            for received in page:
                if received.key is None:
                    continue
                event = decode(received, self._topic)
                if isinstance(event, Malformed):
                    last.pop(received.key, None)  # a null value, or nothing that a reader could use
                    continue
                version: int = event.version  # type: ignore[attr-defined]
                final = received.type == self._final
                last[received.key] = OwnState(key=received.key, version=version, final=final)
        return last

    async def _behind(self, partition: int, last: Mapping[str, OwnState]) -> Mapping[str, OwnState]:
        behind: dict[str, OwnState] = {}
        after = ""
        while page := await self._owner.states(after, _PAGE):
            after = page[-1].key
            for own in page:
                if shard_of(self._topic, own.key) == partition and _is_behind(own, last.get(own.key)):
                    behind[own.key] = own
        return behind

    async def _drained(self, journal: Journal) -> None:
        """Returns when all that is in the outbox now has been published."""
        through = await journal.end() + await journal.lag()
        while await journal.lag() and await journal.published_through() < through:
            await self._clock.sleep(self._settings.poll_seconds * 4)


def _is_behind(own: OwnState, published: OwnState | None) -> bool:
    if published is None:
        return True
    return published.version < own.version or (own.final and not published.final)
