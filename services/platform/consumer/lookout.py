"""Looks at one subscription every second or so: lag, pauses and releases made elsewhere, hangs.

What it finds it sets right: a resumed consumer goes on, a released source is replayed, a process that hangs ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from services.platform.clock import Clock
from services.platform.consumer.alignment import Alignment
from services.platform.consumer.backoff import described, wait_at_most
from services.platform.consumer.ledger import TopicLedger
from services.platform.consumer.offsets import Bounds, Fenced, Offsets, Positions
from services.platform.consumer.pauses import Pauses
from services.platform.consumer.quarantine import Quarantine, Quarantines
from services.platform.consumer.replay import Replay
from services.platform.consumer.subscription import Subscription
from services.platform.consumer.transport import Transport
from services.platform.consumer.vitals import Vitals
from services.platform.consumer.watchdog import Sight, Watchdog
from services.platform.consumer.worker import Worker
from services.platform.telemetry import get_logger

logger = get_logger(__name__)

LOOK_SECONDS = 10.0


class Lookout:
    """The eyes on one subscription; `stuck` is called when only a new process can help."""

    def __init__(
        self,
        subscription: Subscription,
        *,
        worker: Worker,
        alignment: Alignment,
        ledger: TopicLedger,
        offsets: Offsets,
        pauses: Pauses,
        quarantines: Quarantines,
        replay: Replay,
        transport: Transport,
        vitals: Vitals,
        watchdog: Watchdog,
        stuck: Callable[[], None],
        clock: Clock,
        seconds: float,
    ) -> None:
        self._subscription = subscription
        self._worker, self._alignment, self._ledger = worker, alignment, ledger
        self._offsets, self._pauses, self._quarantines, self._replay = offsets, pauses, quarantines, replay
        self._transport, self._vitals, self._watchdog, self._stuck = transport, vitals, watchdog, stuck
        self._clock, self._seconds = clock, seconds
        self._nudged = asyncio.Event()
        self._told: Mapping[int, int] = {}
        self._replaying: asyncio.Task[None] | None = None
        self._stopping = False
        # Held during a look: a client of the broker that is cancelled while it connects leaks the connection.
        self.looking = asyncio.Lock()

    async def run(self) -> None:
        """Looks again and again; ends only by cancellation, which should come while `looking` is free."""
        while True:
            async with self.looking:
                await self.look()
            await wait_at_most(self._clock, self._seconds, self._nudged)
            self._nudged.clear()

    def nudge(self) -> None:
        """Looks at once."""
        self._nudged.set()

    async def stop(self) -> None:
        """Ends a replay after the step it is in, and tells the broker the last positions."""
        self._stopping = True
        if self._replaying is not None:
            await asyncio.wait([self._replaying])
        await self._tell()

    async def look(self) -> None:
        """One look. Failures to reach the database or the broker are part of what is seen."""
        token, before = self._alignment.token, dict(self._ledger.positions)
        stored: Positions | None = None
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                stored = await self._offsets.stored()
                bounds = await self._transport.bounds()
                self._worker.noticed(await self._pauses.read())
                aside = await self._quarantines.current() if self._subscription.inbound else {}
            if token and token == self._alignment.token:
                if any(bounds[partition].end < position for partition, position in before.items()):
                    self._alignment.begin()
                await self._worker.settle()
            self._vitals.quarantined = len(aside)
            self._vitals.lag = self._lag(stored, bounds)
            self._release(aside)
            await self._tell()
        except Exception as error:
            stored = None
            logger.debug("consumer_not_seen", topic=self._subscription.topic.name, error=type(error).__name__)
        sight = Sight(
            answered=stored is not None,
            lag=sum(self._vitals.lag.values()),
            positions=None if stored is None else (stored.generation, tuple(sorted(stored.next.items()))),
            paused=self._vitals.pause.paused,
            backing_off=self._vitals.backing_off,
        )
        if self._watchdog.look(sight):
            logger.critical("consumer_hangs", topic=self._subscription.topic.name, lag=sight.lag)
            self._stuck()

    def _lag(self, stored: Positions, bounds: Mapping[int, Bounds]) -> Mapping[int, int]:
        """Of the partitions read here; of all as long as none is known to be."""
        known = self._ledger.positions if self._alignment.token else {p: stored.next.get(p, 0) for p in bounds}
        return {
            partition: max(0, bounds[partition].end - max(position, bounds[partition].begin))
            for partition, position in known.items()
        }

    async def _tell(self) -> None:
        positions = dict(self._ledger.positions) if self._alignment.token else {}
        if positions != self._told:
            await self._transport.commit(positions)
            self._told = positions

    def _release(self, aside: Mapping[str, Quarantine]) -> None:
        sources = [source for source, quarantine in aside.items() if quarantine.releasing]
        if sources and not self._stopping and (self._replaying is None or self._replaying.done()):
            self._replaying = asyncio.create_task(self._replay_all(sources), name="replay")

    async def _replay_all(self, sources: list[str]) -> None:
        for source in sources:
            try:
                if await self._replay.run(source, lambda: self._stopping):
                    logger.info("source_released", topic=self._subscription.topic.name, source=source)
                    self.nudge()
            except Fenced:
                continue
            except Exception as error:
                logger.warning("replay_interrupted", topic=self._subscription.topic.name, **described(error))
