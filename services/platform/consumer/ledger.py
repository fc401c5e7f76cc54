"""What moves in the transaction of a batch's effects besides them: positions, and the verdict on too much poison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.platform.clock import Clock
from services.platform.consumer.batch import Batch
from services.platform.consumer.offsets import Offsets
from services.platform.consumer.pauses import Pauses
from services.platform.consumer.quarantine import Quarantine, Quarantines, mark
from services.platform.consumer.subscription import Subscription
from services.platform.consumer.tally import Limits, SourceTally, TopicTally, per_source
from services.platform.mongo import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """After the record at `index` the consumer pauses, or `source` alone is quarantined."""

    index: int
    reason: str
    source: str | None = None


class Ledger(Protocol):
    """The bookkeeping of one batch; every method may be called again for a repeated or shorter try."""

    async def aside(self, session: Session) -> Mapping[str, Quarantine]:
        """The sources whose records go to the dead letters unread."""
        ...

    def judge(self, batch: Batch, dead: Sequence[int], aside: Sequence[int]) -> Verdict | None:
        """The verdict on a batch of which `dead` are poison and `aside` belong to quarantined sources."""
        ...

    async def keep(self, session: Session, batch: Batch, aside: Sequence[int], verdict: Verdict | None) -> None:
        """Moves the positions and records the verdict; raises Fenced when somebody else moved them."""
        ...

    def committed(self, batch: Batch) -> None:
        """The transaction of the last try is durable."""
        ...


class TopicLedger:
    """The ledger of a subscription that reads its topic. `positions` are the stored ones this owner counts on."""

    def __init__(
        self,
        subscription: Subscription,
        offsets: Offsets,
        pauses: Pauses,
        quarantines: Quarantines,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._inbound = subscription.inbound
        self._offsets, self._pauses, self._quarantines = offsets, pauses, quarantines
        self._limits, self._clock = limits, clock
        self._topic_tally = self._tried_topic = TopicTally(limits)
        self._source_tally = self._tried_sources = SourceTally(limits)
        self._known_aside: frozenset[str] = frozenset()
        self.positions: dict[int, int] = {}

    def start_afresh(self) -> None:
        """Forgets the poison counted so far: somebody resumed the consumer."""
        self._topic_tally = TopicTally(self._limits)

    async def aside(self, session: Session) -> Mapping[str, Quarantine]:
        if not self._inbound:
            return {}
        current = await self._quarantines.current(session)
        for source in self._known_aside - current.keys():
            self._source_tally.forget(source)
        self._known_aside = frozenset(current)
        return current

    def judge(self, batch: Batch, dead: Sequence[int], aside: Sequence[int]) -> Verdict | None:
        return self._judge_sources(batch, dead, aside) if self._inbound else self._judge_topic(batch, dead)

    def _judge_topic(self, batch: Batch, dead: Sequence[int]) -> Verdict | None:
        self._tried_topic = self._topic_tally.copy()
        index = self._tried_topic.add(len(batch), dead)
        if index is None:
            return None
        window = self._tried_topic.window
        reason = f"{window.run} poison records in a row, {window.poison} of the last {window.seen}"
        return Verdict(index=index, reason=reason)

    def _judge_sources(self, batch: Batch, dead: Sequence[int], aside: Sequence[int]) -> Verdict | None:
        self._tried_sources = self._source_tally.copy()
        if dead or aside:
            apart = {*dead, *aside}
            good = per_source([source for index, source in enumerate(batch.sources) if index not in apart])
        else:
            good = per_source(batch.sources)
        poison = [(index, source) for index in dead if (source := batch.sources[index]) is not None]
        found = self._tried_sources.add(good, poison)
        if found is None:
            return None
        index, source = found
        reason = f"more than {self._limits.share:.0%} of its records are poison"
        return Verdict(index=index, source=source, reason=reason)

    async def keep(self, session: Session, batch: Batch, aside: Sequence[int], verdict: Verdict | None) -> None:
        await self._offsets.move(session, batch.move(self.positions))
        marks: dict[str, dict[str, int]] = {}
        for index in aside:
            record, source = batch.records[index], batch.sources[index]
            if source is not None:
                marks.setdefault(source, {})[mark(batch.generation, record.partition)] = record.offset + 1
        for source, reached in marks.items():
            await self._quarantines.divert(session, source, reached)
        if verdict is not None and verdict.source is None:
            await self._pauses.pause(session, verdict.reason, self._clock.now())
        elif verdict is not None and verdict.source is not None:
            await self._quarantines.begin(session, verdict.source, verdict.reason, self._clock.now())

    def committed(self, batch: Batch) -> None:
        self._topic_tally, self._source_tally = self._tried_topic, self._tried_sources
        self.positions.update(batch.ends)


class ReplayLedger:
    """The ledger of a released source's replay: its poison is dead-lettered, but judges nobody a second time."""

    def __init__(self, quarantines: Quarantines, quarantine: Quarantine) -> None:
        self._quarantines = quarantines
        self.quarantine = quarantine

    async def aside(self, session: Session) -> Mapping[str, Quarantine]:
        return {}

    def judge(self, batch: Batch, dead: Sequence[int], aside: Sequence[int]) -> Verdict | None:
        return None

    async def keep(self, session: Session, batch: Batch, aside: Sequence[int], verdict: Verdict | None) -> None:
        await self._quarantines.advance(session, self.quarantine, self._reached(batch))

    def committed(self, batch: Batch) -> None:
        self.quarantine = Quarantine(
            source=self.quarantine.source,
            releasing=True,
            diverted=self.quarantine.diverted,
            replayed={**self.quarantine.replayed, **self._reached(batch)},
        )

    def _reached(self, batch: Batch) -> dict[str, int]:
        return {mark(batch.generation, partition): end for partition, end in batch.ends.items()}
