"""Reads both profile state topics from their beginning, without a group, into `People`; tells who changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from acquaint.profiles.v1.events_pb2 import PersonErased, PrivateProfileState, ProfileState
from google.protobuf.message import Message

from services.platform import envelope
from services.platform.clock import Clock
from services.platform.consumer import Follower, PositionLost
from services.platform.envelope import Malformed, Record
from services.platform.errors import DependencyUnavailable
from services.platform.supervision import supervised_task
from services.platform.telemetry import Metrics, get_logger
from services.platform.topics import Topic
from services.recommendations.directory.people import People

logger = get_logger(__name__)

Listener = Callable[[Sequence[str]], Awaitable[None]]

_GROUP = "recommendations"
_POLL_SECONDS = 0.5
_BATCH = 2000
_RETRY_SECONDS = 1.0


class StateReader:
    """A component: one reading task per topic. Records that cannot be read and null values are counted and ignored."""

    name = "directory"

    def __init__(
        self,
        topics: Sequence[Topic],
        *,
        open_topic: Callable[[Topic], Follower],
        people: People,
        listeners: Sequence[Listener],
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._open = open_topic
        self._topics = {topic.name: topic for topic in topics}
        self._people = people
        self._listeners = list(listeners)
        self._metrics = metrics
        self._clock = clock
        self._goals: dict[str, Mapping[int, int]] = {}
        self._followers: dict[str, Follower] = {}
        self._applied: dict[str, dict[int, int]] = {topic.name: {} for topic in topics}
        self._ready = False
        self._tasks: list[asyncio.Task[None]] = []

    def positions(self) -> dict[str, int]:
        """The next offset of each partition of each topic, by "topic/partition": what the directory rests on."""
        return {
            f"{topic}/{partition}": offset
            for topic, offsets in self._applied.items()
            for partition, offset in sorted(offsets.items())
        }

    @property
    def ready(self) -> bool:
        """Whether both topics were read to their ends as they were at the start. Once true, always true."""
        self._ready = self._ready or all(self._reached(topic) for topic in self._topics)
        return self._ready

    def _reached(self, topic: str) -> bool:
        goal = self._goals.get(topic)
        return goal is not None and all(self._applied[topic].get(each, 0) >= end for each, end in goal.items())

    async def start(self) -> None:
        """Begins in the background: the broker need not be there yet."""
        self._tasks = [supervised_task(f"directory-{name}", self._read(topic)) for name, topic in self._topics.items()]

    async def stop(self) -> None:
        """Stops reading."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for follower in self._followers.values():
            await follower.stop()

    async def _read(self, topic: Topic) -> None:
        while True:
            try:
                await self._follow(topic)
            except PositionLost as lost:
                # The versions in the records decide, so reading again from the oldest one does no harm.
                logger.warning("position_lost", topic=topic.name, position=lost.position)
                await self._followers.pop(topic.name).stop()
            except DependencyUnavailable as error:
                logger.warning("profiles_not_read", topic=topic.name, cause=str(error))
                await self._clock.sleep(_RETRY_SECONDS)

    async def _follow(self, topic: Topic) -> None:
        follower = self._followers.get(topic.name)
        if follower is None:
            follower = self._followers[topic.name] = self._open(topic)
            await follower.start()
        if topic.name not in self._goals:
            self._goals[topic.name] = await follower.end_offsets()
        while True:
            records = await follower.records(_BATCH, _POLL_SECONDS)
            if records:
                changed = self._apply(await asyncio.to_thread(self._decoded, topic, records))
                if changed:
                    for listener in self._listeners:
                        await listener(changed)
            self._applied[topic.name] = follower.position()

    def _decoded(self, topic: Topic, records: Sequence[Record]) -> list[Message]:
        events = []
        for record in records:
            received = envelope.parse(record)
            if isinstance(received, Malformed) or received.value is None:
                self._ignored(topic, "null" if record.value is None else "malformed")
                continue
            event = envelope.decode(received, topic)
            if isinstance(event, Malformed) or not getattr(event, "person_id", ""):
                self._ignored(topic, "malformed")
                logger.warning("state_not_read", topic=topic.name, offset=received.offset)
                continue
            events.append(event)
        return events

    def _ignored(self, topic: Topic, cause: str) -> None:
        self._metrics.consumer_ignored.labels(topic.name, _GROUP, cause).inc()

    def _apply(self, events: Sequence[Message]) -> list[str]:
        changed: dict[str, None] = {}
        for event in events:
            match event:
                case ProfileState():
                    done = self._people.show(event.person_id, event.version, event.profile)
                case PrivateProfileState():
                    bounded = frozenset(event.boundary_person_ids)
                    done = self._people.confide(event.person_id, event.version, event.profile, bounded)
                case PersonErased():
                    done = self._people.erase(event.person_id)
                case _:
                    continue
            if done:
                changed[event.person_id] = None
        return list(changed)
