"""Which stack a command talks to, and its stubs: the local one of a data directory, or the one the environment names.

Local: addresses and development key are read from the data directory. Elsewhere: ACQUAINT_PEERS__PROFILES and the
other peers, ACQUAINT_PEERS__TOKEN or ACQUAINT_PEERS__TOKEN_FILE, ACQUAINT_KAFKA__BOOTSTRAP.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from acquaint.interactions.v1.interaction_service_pb2_grpc import InteractionServiceStub
from acquaint.interactions.v1.source_service_pb2_grpc import SourceServiceStub
from acquaint.notifications.v1.inbox_service_pb2_grpc import InboxServiceStub
from acquaint.operations.v1.operations_service_pb2_grpc import OperationsServiceStub
from acquaint.profiles.v1.boundary_service_pb2_grpc import BoundaryServiceStub
from acquaint.profiles.v1.profile_service_pb2_grpc import ProfileServiceStub
from acquaint.recommendations.v1.introduction_service_pb2_grpc import IntroductionServiceStub
from acquaint.recommendations.v1.network_service_pb2_grpc import NetworkServiceStub
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from services.cli.output import CommandFailed
from services.devstack.state import BROKER, default_data_dir, development_key, read_state
from services.platform.auth import development_token
from services.platform.rpc import connect
from services.platform.settings import KafkaSettings, PeerSettings, SettingsInvalid
from services.platform.settings.variables import problems, unreadable

if TYPE_CHECKING:  # these names exist for the type checker only
    from acquaint.interactions.v1.interaction_service_pb2_grpc import InteractionServiceAsyncStub
    from acquaint.interactions.v1.source_service_pb2_grpc import SourceServiceAsyncStub
    from acquaint.notifications.v1.inbox_service_pb2_grpc import InboxServiceAsyncStub
    from acquaint.operations.v1.operations_service_pb2_grpc import OperationsServiceAsyncStub
    from acquaint.profiles.v1.boundary_service_pb2_grpc import BoundaryServiceAsyncStub
    from acquaint.profiles.v1.profile_service_pb2_grpc import ProfileServiceAsyncStub
    from acquaint.recommendations.v1.introduction_service_pb2_grpc import IntroductionServiceAsyncStub
    from acquaint.recommendations.v1.network_service_pb2_grpc import NetworkServiceAsyncStub

SERVICES = ("profiles", "interactions", "recommendations", "notifications")


class RemoteSettings(BaseSettings):
    """Where a stack that is not of this machine's data directory is, from the environment."""

    model_config = SettingsConfigDict(env_prefix="ACQUAINT_", env_nested_delimiter="__", extra="ignore")

    peers: PeerSettings = Field(default=PeerSettings(), description="The services.")
    kafka: KafkaSettings = Field(default=KafkaSettings(), description="The broker.")


@dataclass(frozen=True, slots=True, kw_only=True)
class StackAddress:
    """Where the services and the broker are, and how a caller proves who they are."""

    services: dict[str, str]
    kafka: KafkaSettings
    token: Callable[[], str]
    peers: PeerSettings
    data_dir: Path | None


def remote_settings() -> RemoteSettings:
    """What the environment says. Raises SettingsInvalid naming each wrong variable."""
    try:
        return RemoteSettings()
    except ValidationError as error:
        raise SettingsInvalid(problems(RemoteSettings, error)) from None
    except SettingsError as error:
        raise SettingsInvalid([unreadable(error)]) from None


def find(data_dir: Path | None = None) -> StackAddress:
    """The stack to talk to. Raises CommandFailed when none is known, SettingsInvalid."""
    if data_dir is None and "ACQUAINT_PEERS__PROFILES" in os.environ:
        return _remote()
    directory = (data_dir or default_data_dir()).resolve()
    state = read_state(directory)
    if state is None or not state.running:
        raise CommandFailed(f"no stack runs in {directory}: start one with `acquaint up --detach`")
    if not state.ready:
        raise CommandFailed(f"the stack in {directory} is {state.phase}; `acquaint status` says when it is ready")
    key = development_key(directory)
    token = development_token(key, acting_for="*", roles=["client", "operator"])
    return StackAddress(
        services={name: state.address(name) for name in SERVICES},
        kafka=KafkaSettings(bootstrap=state.address(BROKER)),
        token=lambda: token,
        peers=PeerSettings(),
        data_dir=directory,
    )


def _remote() -> StackAddress:
    settings = remote_settings()
    peers = settings.peers

    def token() -> str:
        return peers.token_file.read_text().strip() if peers.token_file else peers.token

    services = {name: getattr(peers, name) for name in SERVICES}
    return StackAddress(services=services, kafka=settings.kafka, token=token, peers=peers, data_dir=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """A stub of each service, over one channel a process."""

    profiles: ProfileServiceAsyncStub
    boundaries: BoundaryServiceAsyncStub
    interactions: InteractionServiceAsyncStub
    sources: SourceServiceAsyncStub
    introductions: IntroductionServiceAsyncStub
    network: NetworkServiceAsyncStub
    inbox: InboxServiceAsyncStub
    operations: dict[str, OperationsServiceAsyncStub]


@asynccontextmanager
async def clients(address: StackAddress) -> AsyncIterator[Clients]:
    """Opens the channels and closes them at the end."""
    channels: dict[str, grpc.aio.Channel] = {
        name: connect(target, address.peers, token=address.token) for name, target in address.services.items()
    }
    try:
        yield Clients(
            profiles=ProfileServiceStub(channels["profiles"]),
            boundaries=BoundaryServiceStub(channels["profiles"]),
            interactions=InteractionServiceStub(channels["interactions"]),
            sources=SourceServiceStub(channels["interactions"]),
            introductions=IntroductionServiceStub(channels["recommendations"]),
            network=NetworkServiceStub(channels["recommendations"]),
            inbox=InboxServiceStub(channels["notifications"]),
            operations={name: OperationsServiceStub(channel) for name, channel in channels.items()},
        )
    finally:
        for channel in channels.values():
            await channel.close()
