"""The profiles service as a test uses it: calls by different callers, and what its topics hold."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Self, TypeVar

import grpc
from acquaint.profiles.v1.boundary_service_pb2_grpc import BoundaryServiceStub
from acquaint.profiles.v1.events_pb2 import PersonErased, PrivateProfileState, ProfileState
from acquaint.profiles.v1.profile_pb2 import Profile
from acquaint.profiles.v1.profile_service_pb2 import (
    ImportItem,
    ImportProfilesRequest,
    ImportResult,
    JoinPersonRequest,
)
from acquaint.profiles.v1.profile_service_pb2_grpc import ProfileServiceStub
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from services.platform import envelope
from services.platform.auth import development_token
from services.platform.errors import ServiceError, from_rpc_error
from services.platform.kafka import client_options
from services.platform.log import KafkaLog
from services.platform.mongo import Database
from services.platform.outbox import StateReadBack
from services.platform.outbox.rows import shard_of
from services.platform.rpc import acting_for, connect
from services.platform.runtime import Service
from services.platform.settings import (
    AuthSettings,
    ConsumerSettings,
    KafkaSettings,
    MongoSettings,
    RelaySettings,
    RpcSettings,
)
from services.platform.testing import eventually
from services.platform.topics import Topic
from services.profiles.app import build
from services.profiles.people.states import INBOUND, PRIVATE, PUBLIC
from services.profiles.settings import ProfilesSettings

KEY = "a-development-key-of-32-characters!"
Answer = TypeVar("Answer")


async def recreate_topics(kafka: KafkaSettings, topics: Sequence[Topic]) -> None:
    """Deletes what another test left on the shared broker: a journal that begins anew must meet an empty topic."""
    admin = AIOKafkaAdminClient(**client_options(kafka))
    await admin.start()
    try:
        names = {name for topic in topics for name in (topic.name, *topic.dead_letters.values())}
        left = names & set(await admin.list_topics())
        if left:
            await admin.delete_topics(sorted(left))

        async def gone() -> bool:
            return not names & set(await admin.list_topics())

        await eventually(gone, what="the deletion of the topics")
    finally:
        await admin.close()


def person(person_id: str, /, **fields: Any) -> Profile:
    """A profile with an id and a name."""
    return Profile(person_id=person_id, **({"name": person_id.title()} | fields))


class ProfilesUnderTest:
    """Starts on entering and stops on leaving; its database is its own."""

    def __init__(self, kafka: KafkaSettings, uri: str, **settings: Any) -> None:
        self.kafka = kafka
        self.settings = ProfilesSettings(
            environment="development",
            kafka=kafka,
            mongo=MongoSettings(uri=uri, database=f"profiles_{uuid.uuid4().hex[:12]}"),
            rpc=RpcSettings(port=0),
            auth=AuthSettings(mode="development", development_key=KEY),
            relay=RelaySettings(lease_seconds=1.0),
            consumer=ConsumerSettings(batch_timeout_ms=20),
            **settings,
        )

    async def __aenter__(self) -> Self:
        self._service: Service = await build(self.settings)
        for component in self._service.components:
            await component.start()
        port = await self._service.server.start()
        for consumer in self._service.consumers:
            await consumer.start()
        await eventually(self._service.readiness, what="readiness")
        self.target = f"127.0.0.1:{port}"
        token = development_token(KEY, acting_for="*", roles=("client", "operator"))
        self.channel = connect(self.target, token=lambda: token)
        self.calls = ProfileServiceStub(self.channel)
        self.boundaries = BoundaryServiceStub(self.channel)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.channel.close()
        for consumer in reversed(self._service.consumers):
            await consumer.stop()
        await self._service.server.stop(1.0)
        database = Database.connect(self.settings.mongo)
        for component in reversed(self._service.components):
            await component.stop()
        await database.drop()
        await database.close()

    def channel_of(self, **claims: Any) -> grpc.aio.Channel:
        """A channel of another caller, with the claims of `development_token`; the caller closes it."""
        token = development_token(KEY, **claims)
        return connect(self.target, token=lambda: token)

    async def own(self, method: Any, request: Message, person_id: str) -> Any:
        """Calls a method in the name of a person."""
        return await method(request, metadata=acting_for(person_id))

    async def imported(self, *profiles: Profile, source: str = "", mask: Sequence[str] = ()) -> list[ImportResult]:
        """Imports and returns the results."""
        items = [ImportItem(profile=profile) for profile in profiles]
        for item in items:
            item.update_mask.paths.extend(mask)
        answer = await self.calls.ImportProfiles(ImportProfilesRequest(items=items, source=source))
        return list(answer.results)

    async def joined(self, *names: str) -> None:
        """Imports people who take part."""
        await self.imported(*(person(name) for name in names))
        for name in names:
            request = JoinPersonRequest(person_id=name, joined=True, informed_at=Timestamp(seconds=1), notice="n1")
            await self.own(self.calls.JoinPerson, request, name)

    async def published(self, topic: Topic, key: str) -> list[Message]:
        """All records of one person on a topic, in order, once everything written is published."""
        await self.drained()
        found = []
        async for page in KafkaLog(self.kafka).read(topic.name, shard_of(topic, key)):
            for received in page:
                if received.key == key:
                    message = envelope.decode(received, topic)
                    assert isinstance(message, Message)
                    found.append(message)
        return found

    async def public(self, key: str) -> ProfileState | PersonErased:
        """The last record on the open topic."""
        return (await self.published(PUBLIC, key))[-1]  # type: ignore[return-value]

    async def private(self, key: str) -> PrivateProfileState | PersonErased:
        """The last record on the private topic."""
        return (await self.published(PRIVATE, key))[-1]  # type: ignore[return-value]

    async def drained(self) -> None:
        """Returns when the outbox holds nothing unpublished."""

        async def empty() -> bool:
            return all(shard.next_sequence == shard.published_through + 1 for shard in await self._status()) and not (
                await self._waiting()
            )

        await eventually(empty, what="the publication of everything")

    async def _status(self) -> Iterable[Any]:
        return await self._service.operations.shards()

    async def _waiting(self) -> int:
        database = Database.connect(self.settings.mongo)
        try:
            return await database.collection("outbox").count({"unpublished": True})
        finally:
            await database.close()

    async def read_back(self, topic: Topic) -> int:
        """Has the service compare a state topic with what it knows; returns how many states it published again."""
        (found,) = (each for each in self._service.components if each.name == f"read-back-{topic.name}")
        assert isinstance(found, StateReadBack)
        return await found.check()

    async def repeat_stale(self, topic: Topic, fact: envelope.Fact) -> None:
        """Writes an old state once more, as a relay that has lost its lease may do last of all."""
        stamp = envelope.Stamp("acquaint/profiles")
        headers = stamp.headers(fact.id, fact.message.DESCRIPTOR.full_name, 1)
        key, value = (fact.key or "").encode(), fact.message.SerializeToString()
        producer = AIOKafkaProducer(**client_options(self.kafka))
        await producer.start()
        try:
            shard = shard_of(topic, fact.key)
            await producer.send_and_wait(topic.name, value, key=key, headers=headers, partition=shard)
        finally:
            await producer.stop()

    async def send(self, *values: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Writes records to the inbound topic as a feed does."""
        producer = AIOKafkaProducer(**client_options(self.kafka))
        await producer.start()
        try:
            for value in values:
                await producer.send_and_wait(INBOUND.name, value, headers=list(headers))
        finally:
            await producer.stop()

    async def dead_letters(self) -> list[envelope.Received]:
        """What is in the dead letters of the inbound topic."""
        found: list[envelope.Received] = []
        async for page in KafkaLog(self.kafka).read(INBOUND.dead_letters["profiles"], 0):
            found.extend(page)
        return found


async def refusal(call: Any) -> ServiceError:
    """The error that a call is refused with."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return from_rpc_error(error)
    raise AssertionError(f"it was not refused: {answer}")
