"""Applies a batch: effects, dead letters, verdict and positions are one transaction, so each record counts once.

A verdict inside the batch cuts it there. A handler that raises is given smaller batches, until the record that makes
it raise stands alone and is poison: every other record is handled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.platform.consumer.backoff import passes
from services.platform.consumer.batch import Batch
from services.platform.consumer.dead_letters import DeadLetters, Letter
from services.platform.consumer.ledger import Ledger, Verdict
from services.platform.consumer.parser import LONGEST_REASON, Refused
from services.platform.consumer.subscription import Delivery, Handler
from services.platform.mongo import Database, Session
from services.platform.telemetry import get_logger

logger = get_logger(__name__)

QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How many records, from the batch's beginning, are done for good, and what became of them."""

    count: int
    handled: int
    dead: Mapping[str, int]
    ignored: Mapping[str, int]
    verdict: Verdict | None


class _Cut(Exception):
    """A verdict fell inside the batch: only so many records may be applied."""

    def __init__(self, count: int) -> None:
        super().__init__(f"cut after {count}")
        self.count = count


class _HandlerFailed(Exception):
    """The handler raised something that the same records will make it raise again."""


class Application:
    """Applies the batches of one subscription."""

    def __init__(self, database: Database, handler: Handler, dead_letters: DeadLetters) -> None:
        self._database, self._handler, self._dead_letters = database, handler, dead_letters

    async def run(self, batch: Batch, ledger: Ledger) -> Done:
        """Applies the batch or its beginning, and returns when that is durable.

        Raises Fenced, and whatever passes (see `backoff.passes`) or the database and the dead letters raise; nothing
        was applied then.
        """
        written: set[tuple[int, int, str]] = set()
        while True:
            part = batch

            async def body(session: Session, part: Batch = part) -> Done:
                return await self._apply(session, part, ledger, written)

            try:
                done = await self._database.transaction(body)
            except _Cut as cut:
                batch = batch.first(cut.count)
            except _HandlerFailed as failed:
                batch = self._smaller(batch, failed)
            else:
                ledger.committed(batch)
                return done

    def _smaller(self, batch: Batch, failed: _HandlerFailed) -> Batch:
        if len(batch) > 1:
            return batch.first(len(batch) // 2)
        record, cause = batch.records[0], failed.__cause__
        where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        logger.error("handler_failed", **where, exc_info=cause)
        reason = f"{type(cause).__name__}: {cause}"[:LONGEST_REASON]
        return replace(batch, readings=[Refused(error="failed", reason=reason, source=batch.sources[0])])

    async def _apply(self, session: Session, batch: Batch, ledger: Ledger, written: set[tuple[int, int, str]]) -> Done:
        quarantines = await ledger.aside(session)
        deliveries, dead, aside = batch.deliveries, dict(batch.refusals), list[int]()
        if quarantines:
            aside = [index for index, source in enumerate(batch.sources) if source in quarantines]
            apart = set(aside)
            dead = {index: refused for index, refused in dead.items() if index not in apart}
            deliveries = [
                reading
                for index, reading in enumerate(batch.readings)
                if isinstance(reading, Delivery) and index not in apart
            ]
        if deliveries:
            dead |= await self._handle(session, batch, deliveries)
        order = sorted(dead)
        verdict = ledger.judge(batch, order, aside)
        if verdict is not None and verdict.index + 1 < len(batch):
            raise _Cut(verdict.index + 1)
        for index in aside:
            dead[index] = Refused(error=QUARANTINED, reason=QUARANTINED, source=batch.sources[index])
        if dead:
            await self._bury(batch, dead, written)
        await ledger.keep(session, batch, aside, verdict)
        return Done(
            count=len(batch),
            handled=len(batch) - len(dead) - batch.ignored.total(),
            dead=Counter(refused.error for refused in dead.values()),
            ignored=batch.ignored,
            verdict=verdict,
        )

    async def _handle(self, session: Session, batch: Batch, deliveries: Sequence[Delivery]) -> dict[int, Refused]:
        try:
            poison = await self._handler(session, deliveries)
        except Exception as error:
            if passes(error):
                raise
            raise _HandlerFailed from error
        if not poison:
            return {}
        places = {(record.partition, record.offset): index for index, record in enumerate(batch.records)}
        return {
            (index := places[each.delivery.partition, each.delivery.offset]): Refused(
                error="refused", reason=each.reason[:LONGEST_REASON], source=batch.sources[index]
            )
            for each in poison
        }

    async def _bury(self, batch: Batch, dead: Mapping[int, Refused], written: set[tuple[int, int, str]]) -> None:
        letters = [
            Letter(
                record=batch.records[index],
                generation=batch.generation,
                error=dead[index].error,
                reason=dead[index].reason,
                source=batch.sources[index],
            )
            for index in sorted(dead)
        ]
        # A body that is repeated finds what it wrote the first time still written.
        fresh = [letter for letter in letters if letter.place not in written]
        if fresh:
            await self._dead_letters.write(fresh)
            written.update(letter.place for letter in fresh)
