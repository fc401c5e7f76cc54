"""What the door refuses: sources a client is not granted, and writes before the database is full."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from acquaint.errors.v1 import error_reason_pb2
from acquaint.interactions.v1 import interaction_service_pb2 as pb

from services.interactions.api import InteractionServicer
from services.interactions.app import JOURNAL_TOPIC, SOURCE
from services.interactions.digests import Auditor
from services.interactions.domain import Source
from services.interactions.metrics import RecordingMetrics
from services.interactions.recording import Recorder
from services.interactions.store import SPECS, ErasedPeople, InteractionStore, SourceStore
from services.platform.auth import Principal
from services.platform.call import CallContext, call
from services.platform.clock import SystemClock
from services.platform.errors import ServiceError
from services.platform.mongo import Database as Store
from services.platform.outbox import Journal, Outbox
from services.platform.settings import JournalSettings, MongoSettings
from services.platform.telemetry import Metrics
from services.platform.testing import ManualClock
from tests.integration.interactions.conftest import interaction
from tests.runtime import Database


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One replica's door to a database, without relay and consumers."""

    servicer: InteractionServicer
    metrics: Metrics

    async def record(self, *batch: object, sources: frozenset[str] | None = None) -> pb.RecordInteractionsResponse:
        principal = Principal(client="calendar-bridge", sources=sources)
        token = call.set(CallContext(principal=principal, request_id="r", deadline=1e9, method="m"))
        try:
            return await self.servicer.RecordInteractions(
                pb.RecordInteractionsRequest(interactions=batch),  # type: ignore[arg-type]
                None,
            )
        finally:
            call.reset(token)


async def door(store: Store, limits: JournalSettings) -> Door:
    clock, metrics = SystemClock(), Metrics.create()
    outbox = Outbox(store, [JOURNAL_TOPIC], source=SOURCE, clock=clock, settings=limits, metrics=metrics)
    await outbox.ensure()
    interactions, erased, journal = InteractionStore(store), ErasedPeople(store), Journal(store, JOURNAL_TOPIC)
    recorder = Recorder(
        database=store,
        interactions=interactions,
        sources=SourceStore(store),
        erased=erased,
        outbox=outbox,
        topic=JOURNAL_TOPIC,
        clock=ManualClock(datetime(2026, 1, 1, tzinfo=UTC)),
        tolerance=timedelta(seconds=300),
        metrics=RecordingMetrics(metrics.registry),
    )

    async def no_shards() -> tuple[()]:
        return ()

    auditor = Auditor(interactions=interactions, journal=journal, topic=JOURNAL_TOPIC, shards=no_shards)
    servicer = InteractionServicer(
        recorder=recorder, interactions=interactions, erased=erased, journal=journal, auditor=auditor
    )
    return Door(servicer=servicer, metrics=metrics)


@pytest.fixture
async def store(database: Database, database_name: str) -> AsyncIterator[Store]:
    """A database of this test's own with two registered sources."""
    opened = Store.connect(MongoSettings(uri=database.uri), database_name)
    await opened.ensure(SPECS)
    for name in ("calendar", "chat"):
        source = Source(source_id=name, purpose="tests", enabled=True, version=1, created=datetime.now(UTC))
        await SourceStore(opened).add(source)
    yield opened
    await opened.drop()
    await opened.close()


async def test_a_client_writes_only_the_sources_it_is_granted(store: Store) -> None:
    replica = await door(store, JournalSettings())
    batch = [interaction("m-1", "calendar"), interaction("m-2", "chat"), interaction("m-3", "unknown")]
    answer = await replica.record(*batch, sources=frozenset({"calendar"}))
    assert (answer.accepted, answer.refused) == (1, 2)
    codes = [result.error.code for result in answer.results]
    assert codes == [0, *2 * [grpc.StatusCode.PERMISSION_DENIED.value[0]]]
    assert (await replica.record(*batch[:2], sources=None)).accepted == 1


async def test_writes_are_refused_with_a_time_to_wait_while_too_much_is_unpublished(store: Store) -> None:
    replica = await door(store, JournalSettings(maximum_unpublished_records=10))
    assert (await replica.record(*(interaction(f"m-{number}", "chat") for number in range(10)))).accepted == 10
    # Another replica measures for itself; this one looks again when its measurement is old.
    other = await door(store, JournalSettings(maximum_unpublished_records=10))
    with pytest.raises(ServiceError) as caught:
        await other.record(interaction("m-11", "chat"))
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert caught.value.reason == error_reason_pb2.ERROR_REASON_STORAGE_FULL
    assert caught.value.retry_after is not None
    wider = await door(store, JournalSettings(maximum_unpublished_records=100))
    assert (await wider.record(interaction("m-11", "chat"))).accepted == 1


async def test_replicas_that_record_the_same_at_the_same_time_agree(store: Store) -> None:
    replicas = [await door(store, JournalSettings()) for _ in range(3)]
    batch = [interaction(f"m-{number}", "chat") for number in range(300)]
    answers = await asyncio.gather(*(replica.record(*batch) for replica in replicas * 2))
    assert sum(answer.accepted for answer in answers) == 300
    assert sum(answer.duplicates for answer in answers) == 1500
    rows = await store.collection("outbox").find({}, {"ids": 1})
    ids = [each for row in rows for each in row["ids"]]
    assert sorted(ids) == sorted(f"chat/{each.interaction_id}" for each in batch)


async def test_outcomes_are_counted_by_cause(store: Store) -> None:
    replica = await door(store, JournalSettings())
    await replica.record(interaction("m-1", "chat"), interaction("m-1", "chat"), interaction("m-2", "unknown"))

    def counted(outcome: str) -> float | None:
        return replica.metrics.registry.get_sample_value("acquaint_interactions_total", {"outcome": outcome})

    assert [counted(each) for each in ("accepted", "duplicate", "source_unknown", "id_conflict")] == [1, 1, 1, None]
