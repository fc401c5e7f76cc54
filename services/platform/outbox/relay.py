"""The relay of one service: it holds what shards it can get and publishes each of them in a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress

from acquaint.operations.v1.operations_service_pb2 import ShardStatus

from services.platform.clock import Clock
from services.platform.errors import DependencyUnavailable
from services.platform.log import LogFactory
from services.platform.mongo import Database, DatabaseError
from services.platform.outbox.outbox import Outbox
from services.platform.outbox.ports import LeaseStore, RowStore, Shard
from services.platform.outbox.publisher import Publisher
from services.platform.outbox.store import MongoLeaseStore, MongoRowStore
from services.platform.outbox.tenure import Keeper, Tenure
from services.platform.settings import RelaySettings
from services.platform.supervision import supervised_task
from services.platform.telemetry import Metrics, get_logger

logger = get_logger(__name__)

# Renewals are asked for at a third of the lease; looking twice as often keeps that.
_LOOKS_PER_LEASE = 6


class Relay:
    """A component of every service that publishes. Any number of processes may run one; each shard has one holder."""

    name = "relay"

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        log: LogFactory,
        *,
        clock: Clock,
        settings: RelaySettings,
        metrics: Metrics,
        leases: LeaseStore | None = None,
        rows: RowStore | None = None,
    ) -> None:
        self._outbox = outbox
        self._log = log
        self._clock = clock
        self._settings = settings
        self._metrics = metrics
        self._leases = leases or MongoLeaseStore(database)
        self._rows = rows or MongoRowStore(database)
        self._keeper = Keeper(self._leases, outbox.shards, lease_seconds=settings.lease_seconds, clock=clock)
        self._publishers: dict[Shard, tuple[Publisher, asyncio.Task[None]]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Creates what is missing in the database and begins to publish; needs no broker yet.

        Raises PartitionsDiffer when the outbox was created with other numbers of partitions.
        """
        await self._outbox.ensure()
        self._tasks = [
            supervised_task("relay-leases", self._keep_leases()),
            supervised_task("relay-listen", self._listen()),
            supervised_task("relay-poll", self._poll()),
        ]

    async def stop(self) -> None:
        """Publishes what there is for a bounded time, then lets go of the shards."""
        publishers = [publisher for publisher, _ in self._publishers.values()]
        for publisher in publishers:
            publisher.poke()
        if publishers:
            flushed = [asyncio.ensure_future(publisher.idle.wait()) for publisher in publishers]
            _, late = await asyncio.wait(flushed, timeout=self._settings.flush_seconds)
            for waiter in late:
                waiter.cancel()
        await self.kill()
        with suppress(DependencyUnavailable, DatabaseError):
            await self._keeper.release()

    async def kill(self) -> None:
        """Stops at once and lets go of nothing, as a crash would."""
        tasks = [*self._tasks, *(task for _, task in self._publishers.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        self._publishers.clear()

    async def status(self) -> Sequence[ShardStatus]:
        """Where each shard stands, for operators; `refusal` only where this process holds the shard."""
        # Counted before the states are read: what counts as published has its number in them.
        unpublished = await self._outbox.capacity.backlogs()
        return [
            ShardStatus(
                topic=state.shard.topic,
                shard=state.shard.partition,
                next_sequence=state.next_sequence,
                published_through=state.published_through,
                unpublished=unpublished.get(state.shard.id, 0),
                refusal=self._refusal(state.shard),
            )
            for state in await self._leases.states()
        ]

    def _refusal(self, shard: Shard) -> str:
        found = self._publishers.get(shard)
        return "" if found is None else found[0].refusal

    async def _keep_leases(self) -> None:
        looks = 0
        while True:
            try:
                for tenure in await self._keeper.renew():
                    logger.warning("lease_lost", shard=tenure.shard.id, epoch=tenure.epoch)
                    await self._end(tenure.shard)
                for tenure in await self._keeper.take():
                    self._begin(tenure)
                if looks % _LOOKS_PER_LEASE == 0:
                    await self._measure()
            except (DependencyUnavailable, DatabaseError) as error:
                logger.warning("leases_not_renewed", cause=str(error))
            looks += 1
            await self._clock.sleep(self._settings.lease_seconds / _LOOKS_PER_LEASE)

    async def _listen(self) -> None:
        """Hears of what this process committed."""
        while True:
            await self._outbox.committed.wait()
            self._outbox.committed.clear()
            idle = []
            for shard, (publisher, _) in self._publishers.items():
                if publisher.idle.is_set():
                    idle.append(shard)
                else:
                    publisher.poke()  # its last look may have been a moment too early
            # Where the rows can only be of one shard, its publisher finds them itself.
            self._poke(idle if len(self._publishers) == 1 else await self._waiting(idle))

    async def _poll(self) -> None:
        """Looks for what other processes committed: often while there is something, ever more seldom while not."""
        pause = self._settings.poll_seconds
        while True:
            await self._clock.sleep(pause)
            idle = [shard for shard, (publisher, _) in self._publishers.items() if publisher.idle.is_set()]
            found = await self._waiting(idle)
            self._poke(found)
            pause = self._settings.poll_seconds if found else min(2 * pause, self._settings.idle_poll_seconds)

    async def _waiting(self, shards: Collection[Shard]) -> Collection[Shard]:
        try:
            return await self._rows.waiting(shards) if shards else ()
        except (DependencyUnavailable, DatabaseError):
            return ()  # the publishers and the leases say so

    def _poke(self, shards: Collection[Shard]) -> None:
        for shard in shards:
            if found := self._publishers.get(shard):
                found[0].poke()

    def _begin(self, tenure: Tenure) -> None:
        shard = tenure.shard
        publisher = Publisher(
            tenure,
            partitions=self._outbox.topics[shard.topic].partitions,
            source=self._outbox.source,
            store=self._rows,
            log=self._log,
            clock=self._clock,
            settings=self._settings,
            metrics=self._metrics,
        )
        task = asyncio.create_task(publisher.run(), name=f"relay-{shard.id}")
        task.add_done_callback(lambda done: self._ended(publisher, done))
        self._publishers[shard] = (publisher, task)
        self._metrics.relay_held.labels(shard.topic, shard.partition).set(1)
        self._metrics.relay_epoch.labels(shard.topic, shard.partition).set(tenure.epoch)
        logger.info("shard_taken", shard=shard.id, epoch=tenure.epoch)

    async def _end(self, shard: Shard) -> None:
        found = self._publishers.get(shard)
        if found is not None:
            found[1].cancel()
            await asyncio.gather(found[1], return_exceptions=True)

    def _ended(self, publisher: Publisher, task: asyncio.Task[None]) -> None:
        shard = publisher.tenure.shard
        if self._publishers.get(shard, (None, None))[0] is publisher:
            del self._publishers[shard]
        self._keeper.drop(publisher.tenure)
        self._metrics.relay_held.labels(shard.topic, shard.partition).set(0)
        if not task.cancelled() and (error := task.exception()) is not None:
            # A defect, not an outage: the supervisor must hear of it, or a shard would stand still unnoticed.
            self._tasks.append(supervised_task(f"relay-{shard.id}", _raise(error)))

    async def _measure(self) -> None:
        measured = await self._outbox.capacity.measure()
        for shard in self._publishers:
            unpublished = measured.unpublished.get(shard.id, 0)
            self._metrics.relay_unpublished.labels(shard.topic, shard.partition).set(unpublished)


async def _raise(error: BaseException) -> None:
    raise error
