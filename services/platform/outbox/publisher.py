"""Publishing one shard: number, read back, send, mark; from the lowest unpublished record, one batch outstanding.

After any failure the writer is thrown away and everything begins again at the lowest unpublished record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import chain

from services.platform.clock import Clock
from services.platform.envelope import Stamp
from services.platform.errors import DependencyUnavailable
from services.platform.log import LogFactory, LogWriter
from services.platform.mongo import DatabaseError
from services.platform.outbox.ports import JournalBroken, LeaseLost, RowStore
from services.platform.outbox.rows import Row
from services.platform.outbox.tenure import Tenure
from services.platform.settings import RelaySettings
from services.platform.telemetry import Metrics, get_logger

logger = get_logger(__name__)

_ROWS_PER_NUMBERING = 2000
_BATCHES_PER_READ = 4
_LOOKS = 2


class PublicationRefused(Exception):
    """Publishing this shard would do harm; somebody has to look. The text says why."""


class Publisher:
    """The relay's work on one shard during one tenure."""

    def __init__(
        self,
        tenure: Tenure,
        *,
        partitions: int,
        source: str,
        store: RowStore,
        log: LogFactory,
        clock: Clock,
        settings: RelaySettings,
        metrics: Metrics,
    ) -> None:
        self.tenure = tenure
        self.refusal = ""
        self.idle = asyncio.Event()  # set while nothing is known to be unpublished
        self._wake = asyncio.Event()
        self._shard = tenure.shard
        self._partitions = partitions
        self._stamp = Stamp(source)
        self._store = store
        self._log = log
        self._clock = clock
        self._settings = settings
        self._metrics = metrics
        self._writer: LogWriter | None = None
        self._verified = False

    def poke(self) -> None:
        """There may be something to publish."""
        self.idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Publishes whenever poked, until the lease is lost or the task is cancelled."""
        failures = 0
        try:
            while True:
                try:
                    await self.publish()
                    self._resume()
                    failures = 0
                except PublicationRefused as refusal:
                    self._refuse(str(refusal))
                    await self._clock.sleep(self._settings.lease_seconds)
                    continue
                except (DependencyUnavailable, DatabaseError) as error:
                    failures += 1
                    logger.warning("publishing_failed", shard=self._shard.id, failures=failures, cause=str(error))
                    await self._clock.sleep(self._backoff(failures))
                    continue
                if not self.tenure.may_send():
                    await self._clock.sleep(self._settings.poll_seconds)
                    continue
                if not self._wake.is_set():
                    self.idle.set()
                await self._wake.wait()
                self._wake.clear()
        except LeaseLost:
            logger.warning("shard_lost", shard=self._shard.id, epoch=self.tenure.epoch)
        finally:
            self.idle.set()
            await self._abandon()

    async def publish(self) -> None:
        """Publishes until nothing is left or the lease is too old to send.

        Raises PublicationRefused, LeaseLost, or what the database or the broker failed with.
        """
        broken = 0
        try:
            if not self._verified:
                await self.verify()
            while self.tenure.may_send():
                numbered = await self._store.number(self._shard, self.tenure.epoch, _ROWS_PER_NUMBERING)
                rows = await self._read()
                try:
                    batches = self._batches(rows, numbered.published_through + 1)
                except JournalBroken as error:
                    # A late zombie may have marked rows while they were read: broken is what stays broken.
                    broken += 1
                    if broken > _LOOKS:
                        raise PublicationRefused(str(error)) from error
                    continue
                broken = 0
                everything = not rows or rows[-1].last_sequence >= numbered.through
                if await self._send(batches) and everything and numbered.rows < _ROWS_PER_NUMBERING:
                    return
        except BaseException:
            await self._abandon()
            raise

    async def verify(self) -> None:
        """Raises PublicationRefused when the topic does not fit the journal.

        A topic ahead of its journal means that the database was restored from before its own publications: new
        facts would get numbers that readers have seen already.
        """
        shard = self._shard
        found = await self._log.partitions(shard.topic)
        if found == 0:
            raise DependencyUnavailable(f"topic {shard.topic} does not exist yet")
        if found != self._partitions:
            raise PublicationRefused(f"the topic has {found} partitions, its journal {self._partitions} shards")
        last = await self._log.last_sequence(shard.topic, shard.partition)
        through = await self._store.next_sequence(shard) - 1
        if last is not None and last > through:
            raise PublicationRefused(
                f"the topic is ahead of the journal: {last} was published, the journal ends at {through}; "
                "the database was restored from an older state: run acquaint restore reconcile"
            )
        self._verified = True

    async def _read(self) -> Sequence[Row]:
        return await self._store.unpublished(self._shard, self._settings.batch_bytes * _BATCHES_PER_READ)

    def _batches(self, rows: Sequence[Row], highest_start: int) -> Sequence[Sequence[Row]]:
        """Rows in order, as many together as fit into a batch; raises JournalBroken where a sequence is missing."""
        batches: list[list[Row]] = []
        size = 0
        following = min(highest_start, rows[0].first_sequence) if rows else 0
        for row in rows:
            if row.first_sequence != following:
                raise JournalBroken(f"{self._shard.id}: sequence {following} is missing")
            following = row.last_sequence + 1
            if not batches or size + row.columns.size > self._settings.batch_bytes:
                batches.append([])
                size = 0
            batches[-1].append(row)
            size += row.columns.size
        return batches

    async def _send(self, batches: Sequence[Sequence[Row]]) -> bool:
        """Sends one batch after the other and marks each while the next is on its way; false if the lease grew old."""
        marking: asyncio.Task[None] | None = None
        try:
            for batch in batches:
                if not self.tenure.may_send():
                    return False
                await self._send_batch(batch)
                if marking is not None:
                    await marking
                marking = asyncio.create_task(self._store.mark(self._shard, batch))
                self._metrics.relay_published.labels(self._shard.topic).inc(sum(row.count for row in batch))
        finally:
            if marking is not None:
                await marking
        return True

    async def _send_batch(self, batch: Sequence[Row]) -> None:
        topic = self._shard.topic
        if self._writer is None:
            self._writer = await self._log.open()
        try:
            records = chain.from_iterable(row.records(self._stamp) for row in batch)
            await self._writer.send(topic, self._shard.partition, records)
        except DependencyUnavailable:
            self._metrics.relay_failures.labels(topic).inc()
            raise

    def _refuse(self, why: str) -> None:
        if why != self.refusal:
            logger.error("publication_refused", shard=self._shard.id, cause=why)
        self.refusal = why
        self._metrics.relay_refusing.labels(self._shard.topic, self._shard.partition).set(1)

    def _resume(self) -> None:
        if self.refusal:
            logger.info("publication_resumed", shard=self._shard.id)
            self.refusal = ""
            self._metrics.relay_refusing.labels(self._shard.topic, self._shard.partition).set(0)

    def _backoff(self, failures: int) -> float:
        longest = self._settings.maximum_backoff_seconds
        pause = min(longest, self._settings.backoff_seconds * 2.0 ** min(failures - 1, 30))
        return pause * self._clock.random.uniform(0.5, 1.0)

    async def _abandon(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.abandon()
