"""Composition of the notifications service: what there is, and what it is made of."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from acquaint.notifications.v1 import inbox_service_pb2, inbox_service_pb2_grpc

from services.notifications.api import InboxService
from services.notifications.channels import ChannelPort, EmailChannel, InboxChannel
from services.notifications.dispatcher import Dispatcher, Limits
from services.notifications.domain import Channel
from services.notifications.events import (
    INVITATIONS,
    NOTIFICATIONS,
    PRIVATE_PROFILES,
    PROFILES,
    Handlers,
    Publisher,
)
from services.notifications.peers import Recommendations
from services.notifications.policy import QuietHours
from services.notifications.settings import Settings
from services.notifications.store import SPECS, InboxStore, OutgoingStore, PeopleStore
from services.notifications.templates import Renderer
from services.platform.auth import peer_token
from services.platform.clock import Clock, SystemClock
from services.platform.consumer import Consumers, Subscription
from services.platform.log import KafkaLog
from services.platform.mongo import Database
from services.platform.outbox import Outbox, Relay
from services.platform.rpc import Mount, Server, connect
from services.platform.runtime import Operations, Service
from services.platform.telemetry import configure

NAME = Settings.service
SOURCE = f"acquaint/{NAME}"


class Foundations:
    """What everything else stands on: collections exist before anything uses them, and connections close last."""

    name = "foundations"

    def __init__(self, database: Database, peers: Recommendations) -> None:
        self._database = database
        self._peers = peers

    async def start(self) -> None:
        """Create what is missing. Raises DatabaseUnavailable."""
        await self._database.ensure(SPECS)

    async def stop(self) -> None:
        """Close the connections."""
        await self._peers.close()
        await self._database.close()


async def build(settings: Settings, clock: Clock | None = None) -> Service:
    """The service, not yet started."""
    clock = clock or SystemClock()
    telemetry = configure(settings)
    metrics = telemetry.metrics
    database = Database.connect(settings.mongo, clock=clock)
    delivery = settings.delivery
    zone = ZoneInfo(delivery.default_zone)

    outbox = Outbox(database, [NOTIFICATIONS], source=SOURCE, clock=clock, settings=settings.journal, metrics=metrics)
    relay = Relay(database, outbox, KafkaLog(settings.kafka), clock=clock, settings=settings.relay, metrics=metrics)

    people = PeopleStore(database)
    outgoing = OutgoingStore(database, people)
    inbox = InboxStore(database, people)
    publisher = Publisher(outbox, clock)
    renderer = Renderer(zone)

    channels: dict[Channel, ChannelPort] = {Channel.INBOX: InboxChannel()}
    if settings.smtp.host:
        channels[Channel.EMAIL] = EmailChannel(settings.smtp, clock)

    token = peer_token(settings, clock)
    recommendations = Recommendations(
        connect(settings.peers.recommendations, settings, token=token, metrics=metrics, clock=clock)
    )
    dispatcher = Dispatcher(
        database=database,
        outgoing=outgoing,
        people=people,
        publisher=publisher,
        still_wanted=recommendations,
        channels=channels,
        renderer=renderer,
        quiet_hours=QuietHours(start=delivery.quiet_from, end=delivery.quiet_until),
        default_zone=zone,
        limits=Limits(
            batch=delivery.batch,
            concurrent_sends=delivery.concurrent_sends,
            claim_seconds=delivery.claim_seconds,
            poll_seconds=delivery.poll_seconds,
        ),
        notify=outbox.notify,
        clock=clock,
    )

    handlers = Handlers(people, outgoing, publisher, list(channels), clock)

    def invited() -> None:
        outbox.notify()
        dispatcher.notify()

    consumers = Consumers(
        database,
        settings.kafka,
        [
            Subscription(topic=INVITATIONS, group=NAME, handler=handlers.on_invitations, after_commit=invited),
            Subscription(topic=PROFILES, group=NAME, handler=handlers.on_profiles),
            Subscription(topic=PRIVATE_PROFILES, group=NAME, handler=handlers.on_private_profiles),
        ],
        clock=clock,
        settings=settings.consumer,
        metrics=metrics,
    )

    server = Server(
        settings,
        [
            Mount(
                add=inbox_service_pb2_grpc.add_InboxServiceServicer_to_server,
                servicer=InboxService(inbox, people, renderer, relay.status, clock),
                service=inbox_service_pb2.DESCRIPTOR.services_by_name["InboxService"],
            )
        ],
        telemetry=telemetry,
        clock=clock,
    )
    return Service(
        server=server,
        components=[Foundations(database, recommendations), relay],
        consumers=[dispatcher, consumers],
        readiness=lambda: consumers.ready,
        operations=Operations(shards=relay.status, consumers=consumers.status, resume=consumers.resume),
    )
