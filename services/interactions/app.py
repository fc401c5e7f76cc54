"""Composition of the interactions service: what there is, and what it is made of."""

from __future__ import annotations

from datetime import timedelta

from acquaint.interactions.v1 import (
    events_pb2,
    interaction_service_pb2,
    interaction_service_pb2_grpc,
    source_service_pb2,
    source_service_pb2_grpc,
)
from acquaint.profiles.v1 import events_pb2 as profile_events_pb2

from services.interactions.api import InteractionServicer, SourceServicer
from services.interactions.digests import Auditor
from services.interactions.events import Handlers, source_of
from services.interactions.metrics import RecordingMetrics
from services.interactions.recording import Recorder
from services.interactions.registry import Registry
from services.interactions.settings import InteractionsSettings
from services.interactions.store import SPECS, ErasedPeople, InteractionStore, SourceStore
from services.platform.clock import Clock, SystemClock
from services.platform.consumer import Consumers, Subscription, quarantined, release
from services.platform.log import KafkaLog
from services.platform.mongo import Database
from services.platform.outbox import Journal, Outbox, Relay
from services.platform.rpc import Mount, Server
from services.platform.runtime import Operations, Service
from services.platform.telemetry import configure
from services.platform.topics import declared

NAME = InteractionsSettings.service
# What these records name as their origin.
SOURCE = f"acquaint/{NAME}"
TOPICS = declared(events_pb2.DESCRIPTOR, profile_events_pb2.DESCRIPTOR)
JOURNAL_TOPIC = TOPICS["acquaint.interactions.v1"]
INBOUND_TOPIC = TOPICS["acquaint.interactions.inbound.v1"]
PROFILES_TOPIC = TOPICS["acquaint.profiles.v1"]


class Storage:
    """The database as a part of the service: its collections exist before anything uses them, and it closes last."""

    name = "storage"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self) -> None:
        await self._database.ensure(SPECS)

    async def stop(self) -> None:
        await self._database.close()


async def build(settings: InteractionsSettings, clock: Clock | None = None) -> Service:
    """The service, not yet started."""
    clock = clock or SystemClock()
    telemetry = configure(settings)
    metrics = telemetry.metrics
    database = Database.connect(settings.mongo, clock=clock)

    outbox = Outbox(database, [JOURNAL_TOPIC], source=SOURCE, clock=clock, settings=settings.journal, metrics=metrics)
    journal = Journal(database, JOURNAL_TOPIC)
    relay = Relay(database, outbox, KafkaLog(settings.kafka), clock=clock, settings=settings.relay, metrics=metrics)

    interactions = InteractionStore(database)
    sources = SourceStore(database)
    erased = ErasedPeople(database)
    recorder = Recorder(
        database=database,
        interactions=interactions,
        sources=sources,
        erased=erased,
        outbox=outbox,
        topic=JOURNAL_TOPIC,
        clock=clock,
        tolerance=timedelta(seconds=settings.recording.future_tolerance_seconds),
        metrics=RecordingMetrics(metrics.registry),
    )

    handlers = Handlers(recorder=recorder, erased=erased)
    consumers = Consumers(
        database,
        settings.kafka,
        [
            Subscription(
                topic=INBOUND_TOPIC,
                group=NAME,
                handler=handlers.on_interactions_reported,
                source_of=source_of,
                after_commit=outbox.notify,
            ),
            Subscription(topic=PROFILES_TOPIC, group=NAME, handler=handlers.on_profiles_changed),
        ],
        clock=clock,
        settings=settings.consumer,
        metrics=metrics,
    )

    async def quarantined_sources() -> frozenset[str]:
        return frozenset(source for _, source, _ in await quarantined(database))

    async def release_source(source: str) -> None:
        await release(database, source, INBOUND_TOPIC.name)

    registry = Registry(
        database=database,
        sources=sources,
        outbox=outbox,
        topic=JOURNAL_TOPIC,
        clock=clock,
        quarantined=quarantined_sources,
        release=release_source,
    )
    auditor = Auditor(interactions=interactions, journal=journal, topic=JOURNAL_TOPIC, shards=relay.status)

    server = Server(
        settings,
        [
            Mount(
                add=interaction_service_pb2_grpc.add_InteractionServiceServicer_to_server,
                servicer=InteractionServicer(
                    recorder=recorder, interactions=interactions, erased=erased, journal=journal, auditor=auditor
                ),
                service=interaction_service_pb2.DESCRIPTOR.services_by_name["InteractionService"],
            ),
            Mount(
                add=source_service_pb2_grpc.add_SourceServiceServicer_to_server,
                servicer=SourceServicer(registry),
                service=source_service_pb2.DESCRIPTOR.services_by_name["SourceService"],
            ),
        ],
        telemetry=telemetry,
        clock=clock,
    )
    return Service(
        server=server,
        components=[Storage(database), relay],
        consumers=[consumers],
        operations=Operations(shards=relay.status, consumers=consumers.status, resume=consumers.resume),
    )
