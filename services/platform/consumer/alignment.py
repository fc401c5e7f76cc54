"""Under which assignment records count: positions come from the database, and a token says which poll came after that.

The token is 0 while the positions are not known; whoever holds an old one lets go of what it holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from services.platform.clock import Clock
from services.platform.consumer.backoff import Backoff, described
from services.platform.consumer.ledger import TopicLedger
from services.platform.consumer.offsets import Move, Offsets, Positions
from services.platform.consumer.transport import Transport
from services.platform.mongo import Database, Session
from services.platform.settings import ConsumerSettings
from services.platform.telemetry import get_logger

logger = get_logger(__name__)


class Alignment:
    """The positions of one member under its present assignment."""

    def __init__(
        self,
        database: Database,
        offsets: Offsets,
        ledger: TopicLedger,
        transport: Transport,
        *,
        topic: str,
        settings: ConsumerSettings,
        clock: Clock,
    ) -> None:
        self._database, self._offsets, self._ledger, self._transport = database, offsets, ledger, transport
        self._topic, self._settings, self._clock = topic, settings, clock
        self._partitions: frozenset[int] = frozenset()
        self._task: asyncio.Task[None] | None = None
        self._count = 0
        self.token = 0
        self.generation = 0
        self.changed = asyncio.Event()

    @property
    def ever(self) -> bool:
        """Whether positions have been known at least once."""
        return self._count > 0

    def signal(self) -> None:
        """Wakes whoever waits on `changed`: something is different now."""
        woken, self.changed = self.changed, asyncio.Event()
        woken.set()

    def revoked(self) -> None:
        """The partitions are somebody else's from now on."""
        self._drop()
        self._partitions = frozenset()

    def assigned(self, partitions: frozenset[int]) -> None:
        """Finds and takes the positions of these partitions."""
        self._partitions = partitions
        self.begin()

    def begin(self) -> None:
        """Reads the stored positions again and goes on from there."""
        self._drop()
        self._task = asyncio.create_task(self._align(self._partitions), name=f"align {self._topic}")

    def stop(self) -> None:
        """Ends all waiting."""
        self._drop()

    async def wait_until_known(self, stopped: Callable[[], bool]) -> None:
        """Returns when there is a token, or when `stopped`."""
        while self.token == 0 and not stopped():
            await self.changed.wait()

    async def step_over(self, positions: Mapping[int, int]) -> None:
        """Moves the stored positions over what holds no record; raises Fenced. The caller keeps batches away."""
        before = {partition: self._ledger.positions[partition] for partition in positions}
        move = Move(generation=self.generation, before=before, after=positions)

        async def body(session: Session) -> None:
            await self._offsets.move(session, move)

        await self._database.transaction(body)
        self._ledger.positions.update(positions)

    def _drop(self) -> None:
        self.token = 0
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self.signal()

    async def _align(self, partitions: frozenset[int]) -> None:
        backoff = Backoff(self._clock, self._settings.backoff_seconds, self._settings.maximum_backoff_seconds)
        while True:
            try:
                positions = await self._positions(partitions)
                break
            except Exception as error:
                if backoff.fresh:
                    logger.warning("positions_unknown", topic=self._topic, **described(error))
                await backoff.wait(self.changed)
        # Nothing waits from here on, so no poll falls between the seek and the token.
        for partition in partitions:
            self._transport.seek(partition, positions.next[partition])
        self._ledger.positions = {partition: positions.next[partition] for partition in partitions}
        self.generation = positions.generation
        self._count += 1
        self.token = self._count
        self.signal()

    async def _positions(self, partitions: frozenset[int]) -> Positions:
        positions = await self._offsets.load(partitions)
        # Asked for after the positions were read: within one life of the topic its ends only grow.
        bounds = await self._transport.bounds()
        if any(bounds[partition].end < positions.next[partition] for partition in partitions):
            logger.error("topic_began_anew", topic=self._topic, generation=positions.generation + 1)
            return await self._offsets.begin_generation(positions.generation)
        for partition in partitions:
            if 0 < positions.next[partition] < bounds[partition].begin:
                missed = bounds[partition].begin - positions.next[partition]
                logger.error("records_left_unread", topic=self._topic, partition=partition, records=missed)
        return positions
