"""All subscriptions of a service as one component: each reads for itself, and none waits for another.

The broker and the database need not be there at the start: each subscription tries until they are.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence

from acquaint.operations.v1.operations_service_pb2 import ConsumerStatus

from services.platform.clock import Clock
from services.platform.consumer import offsets, pauses, quarantine
from services.platform.consumer.alignment import Alignment
from services.platform.consumer.application import Application
from services.platform.consumer.backoff import Backoff, described
from services.platform.consumer.dead_letters import DeadLetters, KafkaDeadLetters
from services.platform.consumer.kafka_transport import KafkaTransport
from services.platform.consumer.ledger import TopicLedger
from services.platform.consumer.lookout import Lookout
from services.platform.consumer.offsets import Offsets
from services.platform.consumer.parser import Parser
from services.platform.consumer.pauses import Pauses
from services.platform.consumer.probe import Probe
from services.platform.consumer.quarantine import Quarantines
from services.platform.consumer.replay import Replay
from services.platform.consumer.subscription import Subscription
from services.platform.consumer.tally import Limits
from services.platform.consumer.transport import Transport
from services.platform.consumer.vitals import Vitals
from services.platform.consumer.watchdog import Watchdog
from services.platform.consumer.worker import Worker
from services.platform.mongo import Database
from services.platform.settings import ConsumerSettings, KafkaSettings
from services.platform.supervision import supervised_task
from services.platform.telemetry import Metrics, get_logger

logger = get_logger(__name__)

# sysexits' "temporary failure": whoever runs the process starts it again.
EXIT_STUCK = 75
# How long a stop waits for a join under way, which is better finished than broken off.
JOIN_SECONDS = 5.0
COLLECTIONS = (offsets.COLLECTION, pauses.COLLECTION, quarantine.COLLECTION)


def exit_stuck() -> None:
    """Ends the process at once: an orderly end would wait for the very client that hangs."""
    os._exit(EXIT_STUCK)


class Consumer:
    """One subscription with all its parts."""

    def __init__(
        self,
        subscription: Subscription,
        database: Database,
        transport: Transport,
        dead_letters: DeadLetters,
        *,
        clock: Clock,
        settings: ConsumerSettings,
        metrics: Metrics,
        stuck: Callable[[], None],
    ) -> None:
        self.subscription = subscription
        self._database, self._transport, self._dead_letters = database, transport, dead_letters
        self._backoff = Backoff(clock, settings.backoff_seconds, settings.maximum_backoff_seconds)
        group, topic = subscription.group, subscription.topic.name
        limits = Limits(
            run=settings.poison_run,
            share=settings.poison_share,
            window=settings.poison_window,
            minimum=settings.source_minimum,
        )
        stored, kept = Offsets(database, group, topic), Pauses(database, group, topic)
        aside = Quarantines(database, group, topic)
        application = Application(database, subscription.handler, dead_letters)
        ledger = TopicLedger(subscription, stored, kept, aside, limits, clock)
        self.vitals = Vitals(subscription, metrics)
        self.alignment = Alignment(database, stored, ledger, transport, topic=topic, settings=settings, clock=clock)
        self.worker = Worker(
            subscription,
            application=application,
            ledger=ledger,
            alignment=self.alignment,
            transport=transport,
            vitals=self.vitals,
            settings=settings,
            clock=clock,
        )
        self.lookout = Lookout(
            subscription,
            worker=self.worker,
            alignment=self.alignment,
            ledger=ledger,
            offsets=stored,
            pauses=kept,
            quarantines=aside,
            replay=Replay(application, Parser(subscription.topic), dead_letters, aside),
            transport=transport,
            vitals=self.vitals,
            watchdog=Watchdog(clock, settings.watchdog_seconds),
            stuck=stuck,
            clock=clock,
            seconds=settings.status_seconds,
        )
        self._joining: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._leaving = False

    def start(self) -> None:
        """Begins to join the group, and to look."""
        name = self.subscription.id
        self._joining = asyncio.create_task(self._join(), name=f"join {name}")
        self._looking = supervised_task(f"lookout {name}", self.lookout.run())

    async def stop(self) -> None:
        """Ends the batch in hand, then leaves the group."""
        self._leaving = True
        self.alignment.signal()
        if self._joining is not None:
            await asyncio.wait([self._joining], timeout=JOIN_SECONDS)
            await _ended(self._joining)
        if self._looking is not None:
            async with self.lookout.looking:
                self._looking.cancel()
            await _ended(self._looking)
        await self.lookout.stop()
        await self.worker.stop()
        await self._transport.stop()
        await self._dead_letters.close()

    async def _join(self) -> None:
        while not self._leaving:
            try:
                await self._database.ensure(dict.fromkeys(COLLECTIONS, ()))
                await self._transport.start(self.worker)
                return
            except Exception as error:
                if self._backoff.fresh:
                    logger.warning("consumer_cannot_join", topic=self.subscription.topic.name, **described(error))
                await self._backoff.wait(self.alignment.changed)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Consumers:
    """The subscriptions of a service: a component of its runtime.

    `transport` and `dead_letters` say what a subscription reads from and buries in; Kafka by default. `stuck` ends the
    process (exit code 75).
    """

    name = "consumers"

    def __init__(
        self,
        database: Database,
        kafka: KafkaSettings,
        subscriptions: Sequence[Subscription],
        *,
        clock: Clock,
        settings: ConsumerSettings,
        metrics: Metrics,
        stuck: Callable[[], None] = exit_stuck,
        transport: Callable[[Subscription], Transport] | None = None,
        dead_letters: Callable[[Subscription], DeadLetters] | None = None,
    ) -> None:
        self._database, self._probe = database, Probe(kafka, seconds=kafka.request_timeout_seconds)

        def member(subscription: Subscription) -> Transport:
            return KafkaTransport(kafka, settings, subscription.topic, subscription.kafka_group, self._probe)

        def letters(subscription: Subscription) -> DeadLetters:
            return KafkaDeadLetters(kafka, subscription.dead_letters)

        self._consumers = [
            Consumer(
                subscription,
                database,
                (transport or member)(subscription),
                (dead_letters or letters)(subscription),
                clock=clock,
                settings=settings,
                metrics=metrics,
                stuck=stuck,
            )
            for subscription in subscriptions
        ]

    async def start(self) -> None:
        """Begins to consume; returns at once, whether or not broker and database answer yet."""
        for consumer in self._consumers:
            consumer.start()

    async def stop(self) -> None:
        """Returns when the batches in hand are done and all groups are left."""
        await asyncio.gather(*(consumer.stop() for consumer in self._consumers))
        await self._probe.close()

    @property
    def ready(self) -> bool:
        """Whether every subscription has found its positions at least once."""
        return all(consumer.alignment.ever for consumer in self._consumers)

    async def status(self) -> Sequence[ConsumerStatus]:
        """Where each subscription stands in this process, as it was last looked at; asking makes it look again."""
        for consumer in self._consumers:
            consumer.lookout.nudge()
        return [consumer.vitals.status() for consumer in self._consumers]

    async def resume(self, group: str, topic: str = "") -> bool:
        """Lets paused subscriptions of `group` go on, in all replicas; False when there is none of that name here."""
        known = [
            consumer
            for consumer in self._consumers
            if consumer.subscription.group == group and topic in ("", consumer.subscription.topic.name)
        ]
        await pauses.resume(self._database, group, topic)
        for consumer in known:
            consumer.lookout.nudge()
        return bool(known)

    async def release(self, source: str, topic: str = "") -> Sequence[str]:
        """Replays what was set aside of `source` and lets it in again; returns the topics it was quarantined on."""
        topics = await quarantine.release(self._database, source, topic)
        for consumer in self._consumers:
            if consumer.subscription.topic.name in topics:
                consumer.lookout.nudge()
        return topics
