"""Records a batch in one transaction: each interaction takes effect once, with the fact that says so, or not at all.

What is known of sources and of erased people is read at majority just before the transaction; what decides between
accepted, duplicate and conflict is read inside it, or proven by the unique ids when it commits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from acquaint.errors.v1 import error_reason_pb2

from services.interactions import messages
from services.interactions.domain import (
    Accepted,
    Candidate,
    Cause,
    Duplicate,
    Interaction,
    Refused,
    Verdict,
    admit,
    decide,
)
from services.interactions.metrics import RecordingMetrics
from services.interactions.store import ErasedPeople, InteractionStore, SourceStore
from services.platform.clock import Clock
from services.platform.errors import ServiceError, aborted
from services.platform.mongo import Database, DuplicateKey, Session
from services.platform.outbox import Outbox
from services.platform.telemetry import current_traceparent
from services.platform.topics import Topic

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Each try that loses against another writer finds what that writer stored: two are enough unless many interfere.
_TRIES = 8

MayWrite = Callable[[str], bool]


def any_source(source: str) -> bool:
    """The grant of what comes by topic: who may write the topic may report for every registered source."""
    return True


class Recorder:
    """Takes in batches, whichever way they come."""

    def __init__(
        self,
        *,
        database: Database,
        interactions: InteractionStore,
        sources: SourceStore,
        erased: ErasedPeople,
        outbox: Outbox,
        topic: Topic,
        clock: Clock,
        tolerance: timedelta,
        metrics: RecordingMetrics,
    ) -> None:
        self._database = database
        self._interactions = interactions
        self._sources = sources
        self._erased = erased
        self._outbox = outbox
        self._topic = topic
        self._clock = clock
        self._tolerance = tolerance
        self._metrics = metrics
        # Repeats come in runs. Looking for them costs an eighth of the database's work, which new interactions are
        # spared; the first repeat costs one more try.
        self._look_first = False

    async def record(self, candidates: Sequence[Candidate], may_write: MayWrite) -> list[Verdict]:
        """One verdict per candidate, in order; what is accepted is durable when this returns.

        Raises ServiceError RESOURCE_EXHAUSTED when the outbox is full, ABORTED when other writers win too often, and
        DatabaseUnavailable.
        """
        await self._outbox.check_capacity()
        admitted = await self._admitted(candidates, may_write)
        look = self._look_first
        for _ in range(_TRIES):
            try:
                verdicts = await self._database.transaction(partial(self._store, admitted=admitted, look=look))
            except DuplicateKey:
                look = True
                continue
            self._look_first = any(isinstance(each, Duplicate) or _is(each, Cause.ID_CONFLICT) for each in verdicts)
            self._outbox.notify()
            self._metrics.count(verdicts)
            return verdicts
        raise _overtaken()

    async def record_within(self, session: Session, candidates: Sequence[Candidate]) -> list[Verdict]:
        """The same inside a transaction of the caller, who notifies the outbox after the commit; any source.

        Raises ServiceError ABORTED when another writer stored one of them meanwhile: repeat the whole transaction.
        """
        await self._outbox.check_capacity()
        admitted = await self._admitted(candidates, any_source)
        try:
            return await self._store(session, admitted=admitted, look=True)
        except DuplicateKey:
            raise _overtaken() from None

    async def check(self, candidates: Sequence[Candidate], may_write: MayWrite) -> list[Verdict]:
        """The verdicts that `record` would give now; nothing is stored."""
        admitted = await self._admitted(candidates, may_write)
        known = await self._interactions.known(_record_ids(admitted))
        return decide(admitted, known, await self._erased.current())

    async def _admitted(self, candidates: Sequence[Candidate], may_write: MayWrite) -> list[Candidate]:
        names = {candidate.source for candidate in candidates if isinstance(candidate, Interaction)}
        latest = self._clock.now() + self._tolerance - _EPOCH
        return admit(
            candidates,
            sources=await self._sources.named(names),
            may_write=may_write,
            latest_ns=latest // timedelta(microseconds=1) * 1000,
        )

    async def _store(self, session: Session, *, admitted: Sequence[Candidate], look: bool) -> list[Verdict]:
        erased = await self._erased.current()
        # Without a look everything counts as new, and the unique ids refuse the transaction if anything is not. What is
        # not inserted they cannot speak for: nothing is refused for its people's sake before it was looked for.
        verdicts = [] if look else decide(admitted, {}, erased)
        if look or any(_is(verdict, Cause.PERSON_ERASED) for verdict in verdicts):
            known = await self._interactions.known(_record_ids(admitted), session=session)
            verdicts = decide(admitted, known, erased)
        accepted = [verdict for verdict in verdicts if isinstance(verdict, Accepted)]
        if accepted:
            await self._interactions.add(session, accepted)
            trace = current_traceparent()
            facts = [messages.recorded(each, trace) for each in accepted]
            await self._outbox.append(session, self._topic, facts)
        return verdicts


def _record_ids(candidates: Sequence[Candidate]) -> Iterable[str]:
    return [candidate.record_id for candidate in candidates if isinstance(candidate, Interaction)]


def _is(verdict: Verdict, cause: Cause) -> bool:
    return isinstance(verdict, Refused) and verdict.cause is cause


def _overtaken() -> ServiceError:
    return aborted(
        error_reason_pb2.ERROR_REASON_DEPENDENCY_UNAVAILABLE,
        "other writers are recording the same interactions; repeat the call",
    )
