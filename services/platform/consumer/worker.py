"""One subscription at work: positions from the database, one batch at a time, waiting in place while it must.

Nothing is ever skipped: a batch goes on only under the assignment it was polled under, and everything else begins
again at the stored positions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress

from services.platform.clock import Clock
from services.platform.consumer.alignment import Alignment
from services.platform.consumer.application import Application, Done
from services.platform.consumer.backoff import Backoff, described
from services.platform.consumer.batch import Batch
from services.platform.consumer.ledger import TopicLedger
from services.platform.consumer.offsets import Fenced
from services.platform.consumer.parser import Parser, Reading
from services.platform.consumer.pauses import Pause
from services.platform.consumer.subscription import Delivery, Subscription
from services.platform.consumer.transport import Transport
from services.platform.consumer.vitals import Vitals
from services.platform.envelope import Record
from services.platform.settings import ConsumerSettings
from services.platform.telemetry import get_logger, span_from

logger = get_logger(__name__)


class Worker:
    """Takes in the records of one subscription: the `Receiver` of its transport."""

    def __init__(
        self,
        subscription: Subscription,
        *,
        application: Application,
        ledger: TopicLedger,
        alignment: Alignment,
        transport: Transport,
        vitals: Vitals,
        settings: ConsumerSettings,
        clock: Clock,
    ) -> None:
        self._subscription, self._settings, self._clock = subscription, settings, clock
        self._application, self._ledger = application, ledger
        self._alignment, self._transport, self._vitals = alignment, transport, vitals
        self._parser = Parser(subscription.topic)
        self._backoff = Backoff(clock, settings.backoff_seconds, settings.maximum_backoff_seconds)
        self._busy = asyncio.Lock()
        self._in_hand = 0
        self._stopping = False

    def revoked(self) -> None:
        self._alignment.revoked()

    def assigned(self, partitions: frozenset[int]) -> None:
        self._alignment.assigned(partitions)

    def lost(self) -> None:
        self._alignment.begin()

    def drained(self, count: int) -> int:
        self._in_hand = count
        return self._alignment.token

    async def receive(self, records: Sequence[Record], token: int) -> None:
        async with self._busy:
            try:
                await self._receive(records, token)
            finally:
                self._in_hand = 0
                self._end_backing_off()

    async def _receive(self, records: Sequence[Record], token: int) -> None:
        if token == 0 or token != self._alignment.token:
            # Polled before the positions were known: they will be polled again from there.
            await self._alignment.wait_until_known(lambda: self._stopping)
            return
        if not self._follows(records):
            self._alignment.begin()
            return
        batch = self._read(records)
        most = len(batch)
        while len(batch) and not self._stopping and token == self._alignment.token:
            if self._vitals.pause.paused:
                await self._hold()
                continue
            try:
                with self._vitals.batch_seconds.time(), self._traced(batch):
                    done = await self._application.run(batch.first(most), self._ledger)
            except Fenced as fenced:
                logger.info("positions_moved_by_another_owner", topic=self._subscription.topic.name, detail=str(fenced))
                self._alignment.begin()
                return
            except Exception as error:
                await self._back_off(error)
                # What a transaction's time does not allow at once it allows in pieces; the order stays.
                most = max(1, most // 2)
                continue
            self._account(done, batch.first(done.count))
            # After a failure on many, small batches grow again step by step.
            most = 2 * done.count
            batch = batch.after(done.count)

    def _traced(self, batch: Batch) -> AbstractContextManager[object]:
        """A span under the first sampled trace among the records: what the handler publishes belongs to it."""
        traceparent = next((each.traceparent for each in batch.deliveries if each.traceparent), None)
        if traceparent is None:
            return nullcontext()
        topic = self._subscription.topic.name
        return span_from(traceparent, f"consume {topic}", attributes={"topic": topic, "records": len(batch)})

    def _follows(self, records: Sequence[Record]) -> bool:
        """Whether the records begin at or after the stored positions; an emptied topic's do not."""
        firsts: dict[int, int] = {}
        for record in records:
            firsts.setdefault(record.partition, record.offset)
        positions = self._ledger.positions
        return all(partition in positions and first >= positions[partition] for partition, first in firsts.items())

    def _read(self, records: Sequence[Record]) -> Batch:
        generation, read = self._alignment.generation, self._parser.read
        readings = [read(record, generation) for record in records]
        sources: list[str | None] = [None] * len(records)
        if self._subscription.inbound:
            sources = [self._source(reading) or reading.source for reading in readings]
        return Batch(generation=generation, records=records, readings=readings, sources=sources)

    def _source(self, reading: Reading) -> str | None:
        """The source that a readable record names itself, which is the registered one; its header may name any URI."""
        if not isinstance(reading, Delivery) or self._subscription.source_of is None:
            return None
        try:
            return self._subscription.source_of(reading) or None
        except Exception:
            return None

    def _account(self, done: Done, batch: Batch) -> None:
        self._end_backing_off()
        self._vitals.count(done)
        if done.verdict is not None:
            what = "source_quarantined" if done.verdict.source is not None else "consumer_paused"
            logger.error(
                what,
                topic=self._subscription.topic.name,
                group=self._subscription.group,
                source=done.verdict.source,
                reason=done.verdict.reason,
            )
            if done.verdict.source is None:
                self._vitals.pause = Pause(paused=True, reason=done.verdict.reason, resumed=self._vitals.pause.resumed)
        if self._subscription.after_commit is not None:
            self._subscription.after_commit()

    async def _back_off(self, error: Exception) -> None:
        """Holds the batch, fetches nothing, stays in the group; the retry decides when it ends."""
        if not self._vitals.backing_off:
            logger.warning("consumer_backs_off", topic=self._subscription.topic.name, **described(error))
            self._vitals.backing_off = True
            self._transport.pause()
        await self._backoff.wait(self._alignment.changed)

    def _end_backing_off(self) -> None:
        self._backoff.reset()
        if self._vitals.backing_off:
            self._vitals.backing_off = False
            self._transport.resume()

    async def _hold(self) -> None:
        """Holds the batch while the consumer is paused."""
        self._transport.pause()
        try:
            await self._alignment.changed.wait()
        finally:
            self._transport.resume()

    def noticed(self, pause: Pause) -> None:
        """Takes in the kept pause, as another process may have changed it."""
        before, self._vitals.pause = self._vitals.pause, pause
        if pause.resumed != before.resumed:
            self._ledger.start_afresh()
        if pause.paused != before.paused:
            self._alignment.signal()

    async def settle(self) -> None:
        """Moves the stored positions over gaps that hold no record, so that they do not look like lag for ever."""
        if self._busy.locked() or self._in_hand or self._alignment.token == 0:
            return
        async with self._busy:
            # Whatever was drained while we waited for the lock counts as in hand.
            if self._in_hand or self._alignment.token == 0:
                return
            polled = self._transport.positions()
            behind = {
                partition: position
                for partition, position in polled.items()
                if position > self._ledger.positions.get(partition, position)
            }
            if behind:
                with suppress(Fenced):
                    await self._alignment.step_over(behind)

    async def stop(self) -> None:
        """Lets the batch in hand end, or breaks off its waiting."""
        self._stopping = True
        self._alignment.stop()
        async with self._busy:
            pass
