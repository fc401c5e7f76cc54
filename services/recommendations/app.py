"""Composition of the recommendations service: what there is, and what it is made of."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import grpc
from acquaint.interactions.v1 import events_pb2 as interaction_events_pb2
from acquaint.recommendations.v1 import (
    introduction_service_pb2,
    introduction_service_pb2_grpc,
    network_service_pb2,
    network_service_pb2_grpc,
)

from services.platform.auth import peer_token
from services.platform.clock import Clock, SystemClock
from services.platform.consumer import Follower
from services.platform.log import KafkaLog
from services.platform.mongo import Database
from services.platform.outbox import Outbox, Relay
from services.platform.rpc import Mount, Server, connect
from services.platform.runtime import Operations, Service
from services.platform.telemetry import Metrics, configure
from services.platform.topics import declared
from services.recommendations.api.introductions import IntroductionServicer, Parts
from services.recommendations.api.network import NetworkServicer
from services.recommendations.api.positions import Positions
from services.recommendations.directory.candidates import Candidates
from services.recommendations.directory.people import People
from services.recommendations.directory.reader import StateReader
from services.recommendations.events import PRIVATE_PROFILES, PROFILES, TOPICS, Publisher
from services.recommendations.jobs import DueJobs
from services.recommendations.lifecycle import Lifecycle, Stores
from services.recommendations.materialiser import Materialiser, Progress, Saves
from services.recommendations.metrics import Counters
from services.recommendations.peers import JournalClient, ProfilesCheck
from services.recommendations.planner import Planner
from services.recommendations.ranking import TwoHopRanker, warm
from services.recommendations.settings import RecommendationsSettings
from services.recommendations.store import COLLECTIONS, Lease
from services.recommendations.suggestions import Suggester
from services.recommendations.turns import Turns

NAME = RecommendationsSettings.service
# What these records name as their origin.
SOURCE = f"acquaint/{NAME}"
INTERACTIONS = declared(interaction_events_pb2.DESCRIPTOR)["acquaint.interactions.v1"]


class Storage:
    """The database as a part of the service: its collections exist before anything uses them, and it closes last."""

    name = "storage"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self) -> None:
        await self._database.ensure(COLLECTIONS)

    async def stop(self) -> None:
        await self._database.close()


class Peers:
    """The channels to the other services; they connect when first used."""

    name = "peers"

    def __init__(self, settings: RecommendationsSettings, metrics: Metrics, clock: Clock) -> None:
        token = peer_token(settings, clock)
        self.profiles = connect(settings.peers.profiles, settings, token=token, metrics=metrics, clock=clock)
        self.interactions = connect(settings.peers.interactions, settings, token=token, metrics=metrics, clock=clock)

    async def start(self) -> None:
        """Nothing to wait for."""

    async def stop(self) -> None:
        channels: tuple[grpc.aio.Channel, ...] = (self.profiles, self.interactions)
        for channel in channels:
            await channel.close()


class Kernels:
    """The numeric code is compiled, or loaded from its cache, before anybody waits for an answer."""

    name = "kernels"

    async def start(self) -> None:
        await asyncio.to_thread(warm)

    async def stop(self) -> None:
        """Nothing to end."""


class Replica(NamedTuple):
    """What this process knows by itself: profiles, the graph, who may be suggested."""

    people: People
    candidates: Candidates
    materialiser: Materialiser


async def build(settings: RecommendationsSettings, clock: Clock | None = None) -> Service:
    """The service, not yet started."""
    clock = clock or SystemClock()
    telemetry = configure(settings)
    metrics = telemetry.metrics
    database = Database.connect(settings.mongo, clock=clock)
    peers = Peers(settings, metrics, clock)

    outbox = Outbox(database, TOPICS, source=SOURCE, clock=clock, settings=settings.journal, metrics=metrics)
    relay = Relay(database, outbox, KafkaLog(settings.kafka), clock=clock, settings=settings.relay, metrics=metrics)

    counters = Counters.create(metrics.registry)
    replica = _replica(settings, peers, metrics, clock)
    stores = Stores.of(database)
    participants = ProfilesCheck(peers.profiles, seconds=settings.lifecycle.check_seconds)
    lifecycle = Lifecycle(
        database=database,
        stores=stores,
        publisher=Publisher(outbox),
        participants=participants,
        settings=settings.lifecycle,
        planner=settings.planner,
        counters=counters,
        clock=clock,
    )
    ranker = TwoHopRanker()
    suggester = Suggester(
        people=replica.people,
        candidates=replica.candidates,
        ranker=ranker,
        introductions=stores.introductions,
        capacity=stores.capacity,
        repeat_days=settings.lifecycle.repeat_days,
        still=replica.materialiser.still,
        counters=counters,
        clock=clock,
    )

    def ready() -> bool:
        return replica.materialiser.ready and directory.ready

    def up_to_date(maximum_lag: int) -> bool:
        progress = replica.materialiser.progress
        return ready() and not progress.stalled and progress.lag <= maximum_lag

    planner = Planner(
        lifecycle=lifecycle,
        stores=stores,
        suggester=suggester,
        people=replica.people,
        participants=participants,
        up_to_date=up_to_date,
        position=lambda: replica.materialiser.progress.sequence,
        settings=settings.planner,
        clock=clock,
    )
    turns = Turns(
        people=replica.people,
        stores=stores,
        lifecycle=lifecycle,
        ready=lambda: directory.ready,
        planned=planner.wake,
        clock=clock,
    )
    directory = StateReader(
        [PROFILES, PRIVATE_PROFILES],
        open_topic=lambda topic: Follower(settings.kafka, topic),
        people=replica.people,
        listeners=[replica.candidates.update, turns.changed],
        metrics=metrics,
        clock=clock,
    )
    jobs = DueJobs(
        lifecycle=lifecycle,
        introductions=stores.introductions,
        lease=Lease(database, "due-jobs", seconds=settings.lifecycle.lease_seconds, clock=clock),
        settings=settings.lifecycle,
        clock=clock,
    )

    positions = Positions(
        states=directory.positions,
        lag=lambda: replica.materialiser.progress.lag,
        ranker_version=ranker.version,
        clock=clock,
    )
    parts = Parts(
        lifecycle=lifecycle,
        introductions=stores.introductions,
        launch=stores.launch,
        due=stores.due,
        suggester=suggester,
        positions=positions,
        graph=lambda: replica.materialiser.graph,
        shards=relay.status,
        plan=planner.wake,
        clock=clock,
    )
    network = NetworkServicer(suggester=suggester, graph=lambda: replica.materialiser.graph, positions=positions)
    server = Server(settings, _mounts(IntroductionServicer(parts), network), telemetry=telemetry, clock=clock)
    return Service(
        server=server,
        components=[Storage(database), peers, Kernels(), relay],
        consumers=[directory, replica.materialiser, turns, jobs, planner],
        readiness=ready,
        operations=Operations(shards=relay.status),
    )


def _replica(settings: RecommendationsSettings, peers: Peers, metrics: Metrics, clock: Clock) -> Replica:
    people = People()
    candidates = Candidates(people, clock)
    materialiser = Materialiser(
        open_topic=lambda start: Follower(settings.kafka, INTERACTIONS, start=start),
        journal=JournalClient(peers.interactions),
        saves=Saves(settings.graph.snapshots, keep=settings.graph.snapshots_kept),
        attach=candidates.attach,
        organisation=settings.organisation,
        settings=settings.graph,
        progress=Progress(metrics.registry),
        clock=clock,
    )
    return Replica(people=people, candidates=candidates, materialiser=materialiser)


def _mounts(introductions: IntroductionServicer, network: NetworkServicer) -> list[Mount]:
    return [
        Mount(
            add=introduction_service_pb2_grpc.add_IntroductionServiceServicer_to_server,
            servicer=introductions,
            service=introduction_service_pb2.DESCRIPTOR.services_by_name["IntroductionService"],
        ),
        Mount(
            add=network_service_pb2_grpc.add_NetworkServiceServicer_to_server,
            servicer=network,
            service=network_service_pb2.DESCRIPTOR.services_by_name["NetworkService"],
        ),
    ]
