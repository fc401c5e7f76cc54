"""Composition of the profiles service: what there is, and what it is made of."""

from __future__ import annotations

from acquaint.profiles.v1 import (
    boundary_service_pb2,
    boundary_service_pb2_grpc,
    profile_service_pb2,
    profile_service_pb2_grpc,
)
from acquaint.profiles.v1.events_pb2 import PersonErased

from services.platform.clock import Clock, SystemClock
from services.platform.consumer import Consumers, Subscription
from services.platform.errors import StartRefused
from services.platform.log import KafkaLog
from services.platform.mongo import Database
from services.platform.outbox import Outbox, Relay, StateReadBack
from services.platform.rpc import Mount, Server
from services.platform.runtime import Operations, Service
from services.platform.telemetry import configure
from services.profiles.api import BoundaryService, ProfileService
from services.profiles.domain.ownership import Ownership
from services.profiles.events import Inbound, source_of
from services.profiles.people.changes import Changes
from services.profiles.people.owning import Owner
from services.profiles.people.participants import Participants
from services.profiles.people.protecting import Protecting
from services.profiles.people.states import INBOUND, PRIVATE, PUBLIC
from services.profiles.people.writer import Writer
from services.profiles.settings import ProfilesSettings
from services.profiles.store import SPECS, Boundaries, IdentityKeyChanged, People

NAME = ProfilesSettings.service
# What these records name as their origin.
SOURCE = f"acquaint/{NAME}"


class Storage:
    """The database as a part of the service: its collections exist before anything uses them, and it closes last."""

    name = "storage"

    def __init__(self, database: Database, people: People) -> None:
        self._database = database
        self._people = people

    async def start(self) -> None:
        await self._database.ensure(SPECS)
        try:
            await self._people.ensure()
        except IdentityKeyChanged:
            raise StartRefused(
                "ACQUAINT_PEOPLE__IDENTITY_HASH_KEY is not the key this database was made with; "
                "with another one erased people would not be recognised"
            ) from None

    async def stop(self) -> None:
        await self._database.close()


async def build(settings: ProfilesSettings, clock: Clock | None = None) -> Service:
    """The service, not yet started."""
    clock = clock or SystemClock()
    telemetry = configure(settings)
    metrics = telemetry.metrics
    database = Database.connect(settings.mongo, clock=clock)

    outbox = Outbox(database, [PUBLIC, PRIVATE], source=SOURCE, clock=clock, settings=settings.journal, metrics=metrics)
    log = KafkaLog(settings.kafka)
    relay = Relay(database, outbox, log, clock=clock, settings=settings.relay, metrics=metrics)

    people = People(database, settings.identity_hash_key)
    boundaries = Boundaries(database)
    writer = Writer(database, people, boundaries, outbox)
    changes = Changes(writer, clock)
    protecting = Protecting(writer)
    participants = Participants(people, boundaries, settings.people.time_zone)
    ownership = Ownership(feeds=settings.people.ownership)

    read_backs = [
        StateReadBack(
            topic,
            Owner(topic, writer),
            database=database,
            log=log,
            clock=clock,
            settings=settings.relay,
            metrics=metrics,
            final=PersonErased,
        )
        for topic in (PUBLIC, PRIVATE)
    ]

    inbound = Inbound(changes, ownership)
    consumers = Consumers(
        database,
        settings.kafka,
        [
            Subscription(
                topic=INBOUND,
                group=NAME,
                handler=inbound.on_upserts,
                source_of=source_of,
                after_commit=outbox.notify,
            )
        ],
        clock=clock,
        settings=settings.consumer,
        metrics=metrics,
    )

    server = Server(
        settings,
        [
            Mount(
                add=profile_service_pb2_grpc.add_ProfileServiceServicer_to_server,
                servicer=ProfileService(
                    people,
                    boundaries,
                    changes=changes,
                    protecting=protecting,
                    participants=participants,
                    ownership=ownership,
                    clock=clock,
                ),
                service=profile_service_pb2.DESCRIPTOR.services_by_name["ProfileService"],
            ),
            Mount(
                add=boundary_service_pb2_grpc.add_BoundaryServiceServicer_to_server,
                servicer=BoundaryService(boundaries, protecting),
                service=boundary_service_pb2.DESCRIPTOR.services_by_name["BoundaryService"],
            ),
        ],
        telemetry=telemetry,
        clock=clock,
    )
    return Service(
        server=server,
        components=[Storage(database, people), relay, *read_backs],
        consumers=[consumers],
        operations=Operations(shards=relay.status, consumers=consumers.status, resume=consumers.resume),
    )
