"""Sends what is due: claims it, asks whether it is still wanted, decides, sends, and records the end under its fence.

Nothing goes out without an answer to "still wanted?". A sender that dies between the provider's yes and the record
leads to one more send of the same id, never to a miss.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from services.notifications.channels import Accepted, ChannelPort, Refused
from services.notifications.domain import Channel, Message, Notification, Person, retry_delay
from services.notifications.events import Publisher
from services.notifications.policy import Delay, Facts, QuietHours, Suppress, decide
from services.notifications.store import OutgoingStore, PeopleStore, Result
from services.notifications.templates import Renderer
from services.platform.clock import Clock
from services.platform.errors import DependencyUnavailable
from services.platform.mongo import Database, Session
from services.platform.supervision import supervised_task
from services.platform.telemetry import get_logger

log = get_logger(__name__)


class StillWanted(Protocol):
    """Recommendations' answer to "is this still wanted?"."""

    async def ask(self, messages: Sequence[Message]) -> Sequence[bool] | None:
        """One answer a message, in order; None when there is no answer now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is done at a time, and how often something due is looked for (seconds)."""

    batch: int
    concurrent_sends: int
    claim_seconds: int
    poll_seconds: float


class Dispatcher:
    """One per process; several processes share the work by claims."""

    name = "dispatcher"

    def __init__(
        self,
        *,
        database: Database,
        outgoing: OutgoingStore,
        people: PeopleStore,
        publisher: Publisher,
        still_wanted: StillWanted,
        channels: Mapping[Channel, ChannelPort],
        renderer: Renderer,
        quiet_hours: QuietHours,
        default_zone: ZoneInfo,
        limits: Limits,
        notify: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._database = database
        self._outgoing = outgoing
        self._people = people
        self._publisher = publisher
        self._still_wanted = still_wanted
        self._channels = channels
        self._renderer = renderer
        self._quiet_hours = quiet_hours
        self._default_zone = default_zone
        self._limits = limits
        self._notify = notify
        self._clock = clock
        self._sending = {channel: asyncio.Semaphore(limits.concurrent_sends) for channel in channels}
        self._wakes = {channel: asyncio.Event() for channel in channels}
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to look for what is due, each channel for itself: a provider that hangs delays no other channel."""
        self._stopping = False
        self._tasks = [
            supervised_task(f"{self.name}-{channel.value}", self._run(channel)) for channel in self._channels
        ]

    async def stop(self) -> None:
        """End after the batches that are under way: what was sent is recorded."""
        self._stopping = True
        self.notify()
        await asyncio.gather(*self._tasks)
        self._tasks = []

    def notify(self) -> None:
        """Something new may be due."""
        for wake in self._wakes.values():
            wake.set()

    async def _run(self, channel: Channel) -> None:
        wake = self._wakes[channel]
        while not self._stopping:
            wake.clear()
            try:
                busy = await self.dispatch([channel])
            except DependencyUnavailable as error:
                log.warning("dispatch_delayed", channel=channel.value, cause=type(error).__name__)
                busy = 0
            if not busy and not self._stopping:
                await self._pause(wake)

    async def _pause(self, woken: asyncio.Event) -> None:
        timer = asyncio.ensure_future(self._clock.sleep(self._limits.poll_seconds))
        wake = asyncio.ensure_future(woken.wait())
        await asyncio.wait({timer, wake}, return_when=asyncio.FIRST_COMPLETED)
        for waiting in (timer, wake):
            waiting.cancel()

    async def dispatch(self, channels: Collection[Channel] | None = None) -> int:
        """Claim and handle one batch of `channels`, all when None; returns how many were claimed.

        Raises DatabaseUnavailable.
        """
        now = self._clock.now()
        claimed = await self._outgoing.claim(
            self._clock.new_id(),
            now,
            channels=self._channels if channels is None else channels,
            limit=self._limits.batch,
            seconds=self._limits.claim_seconds,
        )
        if not claimed:
            return 0
        wanted = await self._still_wanted.ask([notification.message for notification in claimed])
        answers: Sequence[bool | None] = [None] * len(claimed) if wanted is None else wanted
        people = await self._people.get(
            person
            for notification in claimed
            for person in (notification.message.recipient_id, *notification.message.other_person_ids)
        )
        pairs = zip(claimed, answers, strict=True)
        results = await asyncio.gather(
            *(self._handle(notification, answer, people, now) for notification, answer in pairs)
        )
        await self._record(results)
        return len(claimed)

    async def _handle(
        self, notification: Notification, wanted: bool | None, people: Mapping[str, Person], now: datetime
    ) -> Result:
        recipient_id = notification.message.recipient_id
        recipient = people.get(recipient_id, Person(person_id=recipient_id))
        facts = Facts(
            now=now,
            recipient=recipient,
            others=[people.get(each, Person(person_id=each)) for each in notification.message.other_person_ids],
            wanted=wanted,
            quiet_hours=self._quiet_hours,
            default_zone=self._default_zone,
        )
        decision = decide(notification, facts)
        if isinstance(decision, Suppress):
            return Result(notification=notification.suppressed(decision.cause))
        if isinstance(decision, Delay):
            return Result(notification=notification.delayed(decision.until), waiting=decision.waiting)
        return Result(notification=await self._send(notification, recipient, people))

    async def _send(self, notification: Notification, recipient: Person, people: Mapping[str, Person]) -> Notification:
        rendered = self._renderer.render(notification.message, recipient, people)
        async with self._sending[notification.channel]:
            outcome = await self._channels[notification.channel].send(notification.notification_id, recipient, rendered)
        tried = replace(notification, attempts=notification.attempts + 1)
        now = self._clock.now()
        if isinstance(outcome, Accepted):
            return tried.sent(now)
        log.warning(
            "send_failed",
            notification_id=notification.notification_id,
            channel=notification.channel.value,
            attempts=tried.attempts,
            cause=outcome.cause,
            final=isinstance(outcome, Refused),
        )
        if isinstance(outcome, Refused):
            return tried.failed()
        return tried.delayed(now + retry_delay(tried.attempts, self._clock.random.random()))

    async def _record(self, results: Sequence[Result]) -> None:
        async def body(session: Session) -> None:
            recorded = await self._outgoing.finish(session, results)
            await self._publisher.publish(session, recorded)

        await self._database.transaction(body)
        self._notify()
