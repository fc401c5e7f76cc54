"""The interactions service in this process, on the session's database and a broker of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc
import pytest
from acquaint.interactions.v1 import (
    events_pb2,
    interaction_pb2,
    interaction_service_pb2,
    interaction_service_pb2_grpc,
    source_pb2,
    source_service_pb2,
    source_service_pb2_grpc,
)
from acquaint.profiles.v1 import events_pb2 as profile_events_pb2
from aiokafka import AIOKafkaProducer

from services.devstack.ports import free_port
from services.interactions.app import INBOUND_TOPIC, JOURNAL_TOPIC, PROFILES_TOPIC, TOPICS, build
from services.interactions.settings import InteractionsSettings
from services.platform import topics
from services.platform.auth import development_token
from services.platform.envelope import Received
from services.platform.log import KafkaLog
from services.platform.mongo import Database as Store
from services.platform.rpc import connect
from services.platform.runtime import host
from services.platform.testing import eventually
from tests.runtime import Database, open_broker

KEY = "a key of the tests that is long enough"
# A long time ago, so that no clock calls it the future.
THEN = 1_700_000_000
DEAD_LETTERS = INBOUND_TOPIC.dead_letters["interactions"]


def interaction(
    number: str, source: str, *people: str, seconds: int = THEN, type: int = 2, context: str = ""
) -> interaction_pb2.Interaction:
    """A message from the first of the people (ada) to the others (bob)."""
    initiator, *participants = people or ("ada", "bob")
    message = interaction_pb2.Interaction(
        interaction_id=number,
        source=source,
        type=type,  # type: ignore[arg-type]
        initiator_id=initiator,
        participant_ids=participants,
        context_id=context,
    )
    message.time.seconds = seconds
    return message


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The running service as its clients see it, and what it stands on."""

    settings: InteractionsSettings
    channel: grpc.aio.Channel
    store: Store
    producer: AIOKafkaProducer

    @property
    def interactions(self) -> interaction_service_pb2_grpc.InteractionServiceAsyncStub:
        return interaction_service_pb2_grpc.InteractionServiceStub(self.channel)

    @property
    def sources(self) -> source_service_pb2_grpc.SourceServiceAsyncStub:
        return source_service_pb2_grpc.SourceServiceStub(self.channel)

    async def register(self, source: str, *, enabled: bool = True) -> source_pb2.Source:
        wanted = source_pb2.Source(source_id=source, purpose="tests", enabled=enabled)
        answer = await self.sources.RegisterSource(source_service_pb2.RegisterSourceRequest(source=wanted))
        return answer.source

    async def record(
        self, *interactions: interaction_pb2.Interaction, validate_only: bool = False
    ) -> interaction_service_pb2.RecordInteractionsResponse:
        request = interaction_service_pb2.RecordInteractionsRequest(
            interactions=interactions, validate_only=validate_only
        )
        return await self.interactions.RecordInteractions(request)

    async def journal(self, after: int = 0) -> list[interaction_service_pb2.JournalEntry]:
        request = interaction_service_pb2.StreamInteractionsRequest(after_sequence=after)
        return [entry async for chunk in self.interactions.StreamInteractions(request) for entry in chunk.entries]

    async def recorded(self, source: str) -> list[interaction_pb2.Interaction]:
        """The journal's interactions of one source, once everything accepted so far has its number."""
        await self.drained()
        events = [
            events_pb2.InteractionRecorded.FromString(entry.payload).interaction
            for entry in await self.journal()
            if entry.type == "acquaint.interactions.v1.InteractionRecorded"
        ]
        return [event for event in events if event.source == source]

    async def topic(self) -> list[Received]:
        """Everything that is on the published topic now."""
        log = KafkaLog(self.settings.kafka)
        return [record async for page in log.read(JOURNAL_TOPIC.name, 0) for record in page]

    async def digest(self) -> interaction_service_pb2.GetDigestResponse:
        return await self.interactions.GetDigest(interaction_service_pb2.GetDigestRequest())

    async def drained(self) -> interaction_service_pb2.GetDigestResponse:
        """The digest once everything is published."""

        async def empty() -> bool:
            found = await self.digest()
            return found.unpublished == 0 and found.published_through == found.end_sequence

        await eventually(empty, what="an empty outbox")
        return await self.digest()

    async def report(self, *values: bytes, source: str = "", json: bool = False, partition: int = 0) -> None:
        """Writes records to the inbound topic."""
        headers = [("content-type", b"application/json" if json else b"application/protobuf")]
        if source:
            headers.append(("ce_source", source.encode()))
        for value in values:
            await self.producer.send(INBOUND_TOPIC.name, value, partition=partition, headers=headers)
        await self.producer.flush()

    async def erase(self, person: str) -> None:
        """Says on the state topic that a person was erased, and waits until the service knows."""
        event = profile_events_pb2.PersonErased(person_id=person, version=7)
        headers = [("ce_type", event.DESCRIPTOR.full_name.encode()), ("content-type", b"application/protobuf")]
        await self.producer.send_and_wait(
            PROFILES_TOPIC.name, event.SerializeToString(), key=person.encode(), headers=headers
        )

        async def known() -> bool:
            return await self.store.collection("erased_people").find_one({"_id": person}) is not None

        await eventually(known, timeout=20, what=f"{person} in the erasure ledger")


@pytest.fixture(scope="package")
async def running(database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """One service for all tests here: each test keeps to sources and people of its own."""
    async with open_broker(tmp_path_factory.mktemp("interactions-broker")) as broker:
        port = free_port()
        settings = InteractionsSettings.model_validate(
            {
                "environment": "development",
                "kafka": {"bootstrap": broker.bootstrap},
                "mongo": {"uri": database.uri, "database": f"interactions_{port}"},
                "rpc": {"port": port, "quota_per_second": 0},
                "auth": {"mode": "development", "development_key": KEY},
                "consumer": {"status_seconds": 0.2, "source_minimum": 5},
            }
        )
        await topics.ensure(settings.kafka, list(TOPICS.values()))
        stop = asyncio.Event()
        serving = asyncio.create_task(host(settings, build, stop))
        token = development_token(KEY, roles=("client", "operator"), acting_for="*")
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
        await producer.start()
        store = Store.connect(settings.mongo)
        try:
            async with connect(f"127.0.0.1:{port}", token=lambda: token) as channel:
                async with asyncio.timeout(20):
                    await channel.channel_ready()
                yield Running(settings=settings, channel=channel, store=store, producer=producer)
        finally:
            await producer.stop()
            stop.set()
            code = await serving
            await store.drop()
            await store.close()
        assert code == 0


@pytest.fixture
async def source(running: Running, unique: str) -> str:
    """A registered source of this test's own."""
    await running.register(unique)
    return unique
