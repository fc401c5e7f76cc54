"""Profiles, interactions and recommendations in this process, on a real database and a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc
from acquaint.interactions.v1.interaction_pb2 import Interaction
from acquaint.interactions.v1.interaction_service_pb2 import RecordInteractionsRequest
from acquaint.interactions.v1.interaction_service_pb2_grpc import InteractionServiceStub
from acquaint.interactions.v1.source_pb2 import Source
from acquaint.interactions.v1.source_service_pb2 import RegisterSourceRequest
from acquaint.interactions.v1.source_service_pb2_grpc import SourceServiceStub
from acquaint.profiles.v1.boundary_service_pb2_grpc import BoundaryServiceStub
from acquaint.profiles.v1.profile_pb2 import Profile
from acquaint.profiles.v1.profile_service_pb2 import (
    BatchJoinPeopleRequest,
    ImportItem,
    ImportProfilesRequest,
    JoinPersonRequest,
)
from acquaint.profiles.v1.profile_service_pb2_grpc import ProfileServiceStub
from acquaint.recommendations.v1.introduction_service_pb2 import GetDigestRequest, GetDigestResponse
from acquaint.recommendations.v1.introduction_service_pb2_grpc import IntroductionServiceStub
from acquaint.recommendations.v1.network_service_pb2_grpc import NetworkServiceStub

import services.interactions.app
import services.profiles.app
import services.profiles.people.states
import services.recommendations.app
import services.recommendations.events
from services.interactions.settings import InteractionsSettings
from services.platform import topics
from services.platform.auth import development_token
from services.platform.envelope import Received
from services.platform.log import KafkaLog
from services.platform.mongo import Database as Store
from services.platform.rpc import connect
from services.platform.runtime import host
from services.platform.settings import ServiceSettings
from services.platform.testing import eventually
from services.platform.topics import Topic
from services.profiles.settings import ProfilesSettings
from services.recommendations.settings import RecommendationsSettings
from tests.integration.profiles.running import recreate_topics

KEY = "a key of the tests that is long enough"
S = TypeVar("S", bound=ServiceSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where broker and database are, and the ports of the two other services."""

    bootstrap: str
    uri: str
    profiles_port: int
    interactions_port: int
    name: str

    def settings(self, cls: type[S], port: int, **more: Any) -> S:
        """The settings of one service."""
        return cls(
            environment="development",
            kafka={"bootstrap": self.bootstrap},
            mongo={"uri": self.uri, "database": f"{self.name}_{cls.service}"},
            rpc={"port": port},
            auth={"mode": "development", "development_key": KEY},
            peers={
                "profiles": f"127.0.0.1:{self.profiles_port}",
                "interactions": f"127.0.0.1:{self.interactions_port}",
            },
            relay={"lease_seconds": 1.0},
            consumer={"batch_timeout_ms": 20},
            telemetry={"log_level": "warning"},
            **more,
        )


@asynccontextmanager
async def hosted(settings: ServiceSettings, build: Any) -> AsyncIterator[grpc.aio.Channel]:
    """A service that runs until left, and a channel of a client who may do everything."""
    stop = asyncio.Event()
    task = asyncio.create_task(host(settings, build, stop))
    token = development_token(KEY, acting_for="*", roles=("client", "operator"))
    channel = connect(f"127.0.0.1:{settings.rpc.port}", token=lambda: token)
    try:
        yield channel
    finally:
        await channel.close()
        stop.set()
        assert await task == 0


class Replica:
    """One recommendations process as its clients see it."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.calls = IntroductionServiceStub(channel)
        self.network = NetworkServiceStub(channel)

    async def digest(self) -> GetDigestResponse:
        """Where it stands."""
        return await self.calls.GetDigest(GetDigestRequest())

    async def folded(self, sequence: int) -> GetDigestResponse:
        """Where it stands once it has folded a record."""

        async def reached() -> bool:
            try:
                return (await self.digest()).position.sequence >= sequence
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                return False

        await eventually(reached, timeout=30, what=f"record {sequence} in the graph")
        return await self.digest()


class Trio:
    """The three services; profiles and interactions are there all the time, replicas come and go."""

    def __init__(self, ground: Ground, profiles: grpc.aio.Channel, interactions: grpc.aio.Channel) -> None:
        self.ground = ground
        self.profiles = ProfileServiceStub(profiles)
        self.boundaries = BoundaryServiceStub(profiles)
        self.interactions = InteractionServiceStub(interactions)
        self.sources = SourceServiceStub(interactions)

    @asynccontextmanager
    async def replica(self, port: int, snapshots: Path | None = None, **more: Any) -> AsyncIterator[Replica]:
        """A recommendations process of its own, ready."""
        graph = {"snapshots": snapshots, "compare_seconds": 0.2, "retry_seconds": 0.1}
        settings = self.ground.settings(RecommendationsSettings, port, graph=graph, **more)
        async with hosted(settings, services.recommendations.app.build) as channel:
            replica = Replica(channel)
            await replica.folded(0)
            yield replica

    async def meet(self, *people: Profile) -> None:
        """Imports people, who join."""
        items = [ImportItem(profile=each) for each in people]
        await self.profiles.ImportProfiles(ImportProfilesRequest(items=items))
        requests = [JoinPersonRequest(person_id=each.person_id, joined=True, notice="welcome") for each in people]
        for each in requests:
            each.informed_at.seconds = 1_700_000_000
        answer = await self.profiles.BatchJoinPeople(BatchJoinPeopleRequest(requests=requests))
        assert not any(each.HasField("error") for each in answer.results)

    async def register(self, source: str) -> None:
        """Registers a source."""
        wanted = Source(source_id=source, purpose="tests", enabled=True)
        await self.sources.RegisterSource(RegisterSourceRequest(source=wanted))

    async def record(self, source: str, first: int, groups: Sequence[Sequence[str]]) -> None:
        """Records one meeting per group, numbered from `first`."""
        interactions = []
        for number, group in enumerate(groups, first):
            each = Interaction(interaction_id=f"m-{number}", source=source, type=1, initiator_id=group[0])
            each.participant_ids.extend(group[1:])
            each.time.seconds = 1_700_000_000 + number
            interactions.append(each)
        answer = await self.interactions.RecordInteractions(RecordInteractionsRequest(interactions=interactions))
        assert answer.refused == 0

    async def topic(self, topic: Topic) -> list[Received]:
        """Everything on a topic now."""
        log = KafkaLog(topic_settings(self.ground))
        found: list[Received] = []
        for partition in range(topic.partitions):
            found += [record async for page in log.read(topic.name, partition) for record in page]
        return found


def topic_settings(ground: Ground) -> Any:
    """The broker as settings."""
    return ground.settings(RecommendationsSettings, 1).kafka


@asynccontextmanager
async def trio(ground: Ground) -> AsyncIterator[Trio]:
    """Profiles and interactions, running; their databases and the replicas' are dropped at the end."""
    kafka = topic_settings(ground)
    declared = {
        **services.profiles.people.states.TOPICS,
        **services.interactions.app.TOPICS,
        **services.recommendations.events.TOPICS,
    }
    await recreate_topics(kafka, list(declared.values()))
    await topics.ensure(kafka, list(declared.values()))
    profiles = ground.settings(ProfilesSettings, ground.profiles_port)
    interactions = ground.settings(InteractionsSettings, ground.interactions_port)
    try:
        async with (
            hosted(profiles, services.profiles.app.build) as one,
            hosted(interactions, services.interactions.app.build) as other,
        ):
            await asyncio.gather(*(channel.channel_ready() for channel in (one, other)))
            yield Trio(ground, one, other)
    finally:
        for cls in (ProfilesSettings, InteractionsSettings, RecommendationsSettings):
            store = Store.connect(ground.settings(cls, 1).mongo)
            await store.drop()
            await store.close()
