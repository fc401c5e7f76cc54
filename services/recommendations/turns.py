"""Keeps turns and open introductions in step with profiles: who joined gets turns, what may no longer be is ended.

Told of every changed profile, and of everybody once the profiles were read after a start: a missed change is made up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from services.platform.clock import Clock
from services.platform.errors import DependencyUnavailable, ServiceError
from services.platform.supervision import supervised_task
from services.platform.telemetry import get_logger
from services.recommendations.directory.people import People
from services.recommendations.domain.introduction import Doom
from services.recommendations.domain.people import Cadence, Person, apart
from services.recommendations.lifecycle import Lifecycle, Stores

logger = get_logger(__name__)

_LOOK_SECONDS = 0.05
_RETRY_SECONDS = 1.0
_CHUNK = 1000


class Turns:
    """A component; `changed` is a listener of the directory. Several replicas doing the same do nothing twice."""

    name = "turns"

    def __init__(
        self,
        *,
        people: People,
        stores: Stores,
        lifecycle: Lifecycle,
        ready: Callable[[], bool],
        planned: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._people = people
        self._ready = ready
        self._stores = stores
        self._lifecycle = lifecycle
        self._planned = planned
        self._clock = clock
        self._changed: set[str] = set()
        self._known: dict[str, Cadence] | None = None
        self._something = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins in the background."""
        self._task = supervised_task("turns", self._run())

    async def stop(self) -> None:
        """Stops; what was not done yet is done after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def changed(self, person_ids: Sequence[str]) -> None:
        """Looks at these people soon."""
        self._changed.update(person_ids)
        self._something.set()

    async def _run(self) -> None:
        while not self._ready():
            await self._clock.sleep(_LOOK_SECONDS)
        while True:
            await self._something.wait()
            self._something.clear()
            chunk: list[str] = []
            try:
                while self._changed:
                    chunk = [self._changed.pop() for _ in range(min(_CHUNK, len(self._changed)))]
                    await self.follow(chunk)
            except (DependencyUnavailable, ServiceError) as error:
                logger.warning("profiles_not_followed", cause=str(error))
                await self._clock.sleep(_RETRY_SECONDS)
                await self.changed(chunk)

    async def follow(self, person_ids: Sequence[str]) -> None:
        """Does what the present profiles of these people ask for."""
        erased = {each for each in person_ids if self._people.erased(each)}
        if erased:
            await self._lifecycle.erase(erased)
        await self._end_what_may_not_be(person_ids)
        await self._give_turns(person_ids)

    async def _end_what_may_not_be(self, person_ids: Sequence[str]) -> None:
        now = self._clock.now()
        for introduction in await self._stores.introductions.open_of(person_ids):
            people = [self._people.get(each) for each in introduction.person_ids]
            live = [each for each in people if each is not None]
            # Whoever has not arrived here yet may be known to profiles, who are asked before anything goes out.
            if introduction.doom is not Doom.BLOCKED and any(
                apart(one, other, now) for at, one in enumerate(live) for other in live[at + 1 :]
            ):
                await self._lifecycle.block(introduction.introduction_id)

    async def _give_turns(self, person_ids: Sequence[str]) -> None:
        if self._known is None:
            self._known = await self._stores.due.known()
        entering, leaving = {}, []
        for person_id in person_ids:
            person = self._people.get(person_id)
            if person is not None and _has_turns(person):
                if self._known.get(person_id) is not person.wishes.cadence:
                    entering[person_id] = person.wishes.cadence
            elif person_id in self._known and (person is None or person.complete):
                leaving.append(person_id)
        if entering:
            await self._stores.due.enter(entering, self._clock.now())
            self._known.update(entering)
            self._planned()
        if leaving:
            await self._stores.due.leave(leaving)
            for person_id in leaving:
                del self._known[person_id]


def _has_turns(person: Person) -> bool:
    return person.active and person.wishes.takes_part
