"""The graph of this replica: follows acquaint.interactions.v1 from the newest snapshot or the journal, without a group.

Without a snapshot: first an offset of the topic, then the journal's end J, then the journal 1..J, then the topic from
that offset with H = J. A record that cannot be read stops the fold there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from services.platform.clock import Clock
from services.platform.consumer import PositionLost
from services.platform.envelope import Record
from services.platform.errors import DependencyUnavailable
from services.platform.supervision import supervised_task
from services.platform.telemetry import get_logger
from services.recommendations.graph import Graph, GraphSettings
from services.recommendations.materialiser.builder import build
from services.recommendations.materialiser.folding import Folded, Journal, JournalNotContiguous, fold, fold_journal
from services.recommendations.materialiser.progress import Progress
from services.recommendations.materialiser.records import Effects, Entry, Rules, Unreadable, of_topic
from services.recommendations.materialiser.saves import Saves
from services.recommendations.settings import GraphViewSettings

logger = get_logger(__name__)

_POLL_SECONDS = 0.5
_PARTITION = 0


class TopicReader(Protocol):
    """The topic, from an offset on (see services.platform.consumer.Follower)."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def records(self, max_records: int, timeout: float) -> Sequence[Record]: ...
    async def end_offsets(self) -> dict[int, int]: ...
    def position(self) -> dict[int, int]: ...


OpenTopic = Callable[[dict[int, int] | None], TopicReader]


class Materialiser:
    """A component. `attach` is given every new graph before it serves, with everybody hidden who must be."""

    name = "materialiser"

    def __init__(
        self,
        *,
        open_topic: OpenTopic,
        journal: Journal,
        saves: Saves,
        attach: Callable[[Graph], Awaitable[None]],
        organisation: str,
        settings: GraphViewSettings,
        progress: Progress,
        clock: Clock,
    ) -> None:
        self.progress = progress
        self.still = asyncio.Lock()  # held: nothing is folded
        self._open_topic = open_topic
        self._journal = journal
        self._saves = saves
        self._attach = attach
        self._settings = settings
        self._graph_settings = GraphSettings(organisation=organisation, half_life_days=settings.half_life_days)
        self._clock = clock
        self._graph: Graph | None = None
        self._rules = Rules()
        self._effects = Effects(rules=Rules())
        self._topic: TopicReader | None = None
        self._pending: list[Entry] = []
        self._rebuilding: asyncio.Task[tuple[Graph, Effects]] | None = None
        self._must_read_journal = False
        self._goal: int | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def graph(self) -> Graph | None:
        """The graph that serves; None before the first one."""
        return self._graph

    @property
    def ready(self) -> bool:
        """Whether the graph reached the journal's end as it was at the start. Once true, always true."""
        return self.progress.caught_up

    async def start(self) -> None:
        """Begins in the background: neither broker nor journal need be there yet."""
        self._tasks = [
            supervised_task("materialiser", self._follow()),
            supervised_task("materialiser-compare", self._compare()),
            supervised_task("materialiser-save", self._save()),
        ]

    async def stop(self) -> None:
        """Stops folding and saves what there is."""
        tasks = [*self._tasks, *([self._rebuilding] if self._rebuilding else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._topic is not None:
            await self._topic.stop()
        if self._graph is not None and not self._outdated:
            await self._saves.save(self._graph, self._rules)

    async def _follow(self) -> None:
        while True:
            try:
                if self._graph is None:
                    await self._begin()
                await self._step()
            except PositionLost as lost:
                # What left the topic is still in the journal: read on from the topic's oldest record.
                logger.warning("position_lost", position=lost.position)
                await self._reopen(None)
            except (JournalNotContiguous, Unreadable) as error:
                await self._stand_still(str(error))
            except DependencyUnavailable as error:
                logger.warning("interactions_not_read", cause=str(error))
                await self._clock.sleep(self._settings.retry_seconds)

    async def _stand_still(self, reason: str) -> None:
        if reason != self.progress.stalled:
            logger.error("fold_stalled", cause=reason, sequence=self.progress.sequence)
        self.progress.stall(reason)
        await self._clock.sleep(self._settings.retry_seconds)

    async def _begin(self) -> None:
        graph = await self._saves.restore(self._graph_settings)
        end = await self._journal.end()
        if graph is not None and graph.position.sequence > end:
            logger.error("snapshot_ahead_of_journal", sequence=graph.position.sequence, end=end)
            graph = None
        if graph is None:
            reader = self._open_topic(None)
            try:
                await reader.start()
                offset = (await reader.end_offsets())[_PARTITION]
            finally:
                await reader.stop()
            end = await self._journal.end()
            graph, effects = await build(self._journal, self._graph_settings, Rules(), next_offset=offset)
            self._rules, self._effects = effects.rules, effects
        offset_known = graph.position.next_offset
        await self._reopen(None if offset_known is None else {_PARTITION: offset_known})
        self._goal = end
        await self._serve(graph)
        self._arrived()

    async def _serve(self, graph: Graph) -> None:
        for person_id in self._effects.still_hidden(graph.position.rewrite):
            await asyncio.to_thread(graph.hide, person_id)
        await self._attach(graph)
        self._graph = graph
        self.progress.folded(graph.position.sequence)

    async def _reopen(self, start: dict[int, int] | None) -> None:
        if self._topic is not None:
            await self._topic.stop()
        self._pending.clear()
        self._topic = self._open_topic(start)
        await self._topic.start()

    async def _step(self) -> None:
        graph, topic = self._serving()
        if self._rebuilding is not None and self._rebuilding.done():
            await self._swap(self._rebuilding)
            return
        if not self._pending:
            records = await topic.records(self._settings.batch_records, _POLL_SECONDS)
            if records:
                self._pending = await asyncio.to_thread(_entries, records)
        if self._pending:
            await self._fold_pending(graph, topic)
        if self._must_read_journal:
            self._must_read_journal = False
            self.progress.gaps.inc()
            logger.warning("read_from_journal", after=graph.position.sequence)
            await self._read_journal(graph)
        self._arrived()

    async def _fold_pending(self, graph: Graph, topic: TopicReader) -> None:
        while self._pending:
            async with self.still:
                folded = await asyncio.to_thread(fold, graph, self._rules, self._pending, self._effects)
            await self._folded(graph, folded)
            if not self._pending:
                break
            self.progress.gaps.inc()
            logger.warning("gap_in_topic", after=graph.position.sequence, unreadable=bool(folded.unreadable))
            await self._read_journal(graph)
            first = self._pending[0]
            if folded.unreadable is not None:
                # What the journal holds was applied, so nothing is skipped by leaving the topic's copy.
                del self._pending[0]
            elif first.sequence is not None and first.sequence > graph.position.sequence + 1:
                raise JournalNotContiguous(f"the topic holds record {first.sequence}, which the journal does not")
        async with self.still:
            graph.fold([], next_offset=topic.position()[_PARTITION])

    async def _folded(self, graph: Graph, folded: Folded) -> None:
        del self._pending[: folded.done]
        await self._obey(graph)
        self.progress.folded(graph.position.sequence)
        if self._pending and self._pending[-1].sequence is not None:
            self.progress.seen(self._pending[-1].sequence)

    async def _read_journal(self, graph: Graph) -> None:
        async with self.still:
            await fold_journal(graph, self._rules, self._journal, self._effects)
        await self._obey(graph)
        self.progress.folded(graph.position.sequence)

    async def _obey(self, graph: Graph) -> None:
        """Hides whom records say to hide, at once, and starts a rebuild where they change what was folded."""
        for person_id in self._effects.still_hidden(graph.position.rewrite):
            if not graph.is_hidden(person_id):
                await asyncio.to_thread(graph.hide, person_id)
        if self._outdated and self._rebuilding is None:
            logger.info("rebuild_started", rewrite=self._effects.rewrite)
            self.progress.rebuilds.inc()
            self._rebuilding = asyncio.create_task(
                build(self._journal, self._graph_settings, self._effects.rules, next_offset=None), name="rebuild"
            )

    @property
    def _outdated(self) -> bool:
        rewrite = self._graph.position.rewrite if self._graph is not None else 0
        return self._effects.rules != self._rules or self._effects.rewrite > rewrite

    async def _swap(self, rebuilding: asyncio.Task[tuple[Graph, Effects]]) -> None:
        """Puts the second graph in the place of the first, once it is at least as far; no fold runs meanwhile."""
        self._rebuilding = None
        graph, _ = self._serving()
        try:
            second, effects = rebuilding.result()
            rules = effects.rules
            while second.position.sequence < graph.position.sequence:
                await fold_journal(second, rules, self._journal, effects)
        except (DependencyUnavailable, JournalNotContiguous, Unreadable):
            await self._obey(graph)  # starts another one
            raise
        rewrite = second.position.rewrite
        self._rules, self._effects = rules, effects
        second.fold([], next_offset=graph.position.next_offset)
        await self._serve(second)
        await self._saves.drop_before(rewrite)
        logger.info("rebuild_finished", sequence=second.position.sequence, rewrite=rewrite)
        await self._obey(second)

    async def _compare(self) -> None:
        """A missing last record shows no gap: now and then the position is compared with the journal's end."""
        before = -1
        while True:
            await self._clock.sleep(self._settings.compare_seconds)
            if self._graph is None:
                continue
            try:
                end = await self._journal.end()
            except DependencyUnavailable as error:
                logger.warning("journal_end_unknown", cause=str(error))
                continue
            sequence = self._graph.position.sequence
            self.progress.seen(end)
            if sequence < end and sequence == before:
                self._must_read_journal = True
            before = sequence

    async def _save(self) -> None:
        while True:
            await self._clock.sleep(self._settings.snapshot_seconds)
            if self._graph is not None and not self._outdated:
                await self._saves.save(self._graph, self._rules)

    def _arrived(self) -> None:
        self.progress.stall("")
        if not self.progress.caught_up and self._goal is not None and self.progress.sequence >= self._goal:
            self.progress.caught_up = True
            logger.info("graph_caught_up", sequence=self.progress.sequence)

    def _serving(self) -> tuple[Graph, TopicReader]:
        if self._graph is None or self._topic is None:
            raise RuntimeError("the graph is followed before it exists")
        return self._graph, self._topic


def _entries(records: Sequence[Record]) -> list[Entry]:
    return [of_topic(record) for record in records]
