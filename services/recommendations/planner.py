"""Considers whoever is due, one claim at a time: the graph proposes, profiles allow, MongoDB decides.

Works only while the graph is nearly up to date, as far as the launch mode goes, and up to so many a day.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from services.platform.clock import Clock
from services.platform.errors import DependencyUnavailable, ServiceError
from services.platform.supervision import supervised_task
from services.platform.telemetry import get_logger
from services.recommendations.directory.people import People
from services.recommendations.domain.kinds import Kind, LaunchMode
from services.recommendations.domain.people import Person
from services.recommendations.kinds import RECIPES
from services.recommendations.kinds.starters import starters
from services.recommendations.lifecycle import Lifecycle, ModeChanged, Proposal, Stores
from services.recommendations.peers import ParticipantCheck
from services.recommendations.settings import PlannerSettings
from services.recommendations.store import AlreadyProposed, CapReached, Claim, ClaimLost, NoTurns, PairIsOpen
from services.recommendations.suggestions import NoSuchPerson, NotReadyYet, Suggester, Suggestion

logger = get_logger(__name__)


class Planner:
    """A component. Any number of replicas may plan anybody: two at once do nothing twice."""

    name = "planner"

    def __init__(
        self,
        *,
        lifecycle: Lifecycle,
        stores: Stores,
        suggester: Suggester,
        people: People,
        participants: ParticipantCheck,
        up_to_date: Callable[[int], bool],
        position: Callable[[], int],
        settings: PlannerSettings,
        clock: Clock,
    ) -> None:
        self._lifecycle = lifecycle
        self._stores = stores
        self._suggester = suggester
        self._people = people
        self._participants = participants
        self._up_to_date = up_to_date
        self._position = position
        self._settings = settings
        self._clock = clock
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to plan in the background."""
        self._task = supervised_task("planner", self._run())

    async def stop(self) -> None:
        """Stops; a claim in progress ends by itself."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """Somebody may have become due."""
        self._woken.set()

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                before = self._position()
                while await self.plan_one():
                    now = self._position()
                    if now != before:
                        # Folding and storing what comes in goes before: nobody waits for a proposal.
                        await self._clock.sleep(self._settings.rest_seconds)
                    before = now
            except (DependencyUnavailable, ServiceError) as error:
                logger.warning("planning_failed", cause=str(error))
            await self._pause()

    async def _pause(self) -> None:
        tick = asyncio.ensure_future(self._clock.sleep(self._settings.tick_seconds))
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait((tick, woken), return_when=asyncio.FIRST_COMPLETED)
        finally:
            tick.cancel()
            woken.cancel()

    async def plan_one(self) -> bool:
        """Considers one person who is due; False if there is nothing to do now."""
        if not self._up_to_date(self._settings.maximum_lag):
            return False
        mode = await self._stores.launch.mode()
        now = self._clock.now()
        shadow = mode is not LaunchMode.ON
        if mode is LaunchMode.OFF or await self._stores.capacity.day_is_full(
            now, cap=self._settings.per_day, shadow=shadow
        ):
            return False
        claim = await self._stores.due.claim(now, lease_seconds=self._settings.lease_seconds)
        if claim is None:
            return False
        retry = now + timedelta(seconds=self._settings.retry_seconds)
        try:
            next_time = await self._consider(claim, mode, now)
        except (NotReadyYet, ModeChanged):
            next_time = retry
        except (DependencyUnavailable, ServiceError):
            await self._stores.due.give_back(claim, retry)
            raise
        except ClaimLost:
            return True
        if next_time is not None:
            await self._stores.due.give_back(claim, next_time)
        return True

    async def _consider(self, claim: Claim, mode: LaunchMode, now: datetime) -> datetime | None:
        """Proposes somebody; None if the claim took effect, else when the person is looked at again."""
        later = now + timedelta(hours=self._settings.nobody_found_hours)
        person = self._people.get(claim.person_id)
        if person is None or not person.may_be_introduced(Kind.PEER, now):
            return later
        limit = self._settings.open_limit
        if await self._stores.introductions.open_count(person.person_id, limit=limit) >= limit:
            return later
        allowed = await self._allowed(claim, person, mode)
        if allowed is None:
            return now + timedelta(seconds=self._settings.retry_seconds)
        for suggestion in allowed:
            try:
                introduction = await self._lifecycle.propose(claim, _proposal(person, suggestion), mode)
            except (PairIsOpen, NoTurns):
                continue
            except CapReached as reached:
                if reached.person_id in ("", person.person_id):
                    return later
                continue
            except AlreadyProposed:
                # The claim was used up before its person was taken out of the turns: this number is gone.
                await self._stores.due.skip(claim)
                return now
            logger.debug("introduction_proposed", introduction=introduction.introduction_id, mode=mode.value)
            return None
        return later

    async def _allowed(self, claim: Claim, person: Person, mode: LaunchMode) -> list[Suggestion] | None:
        """Candidates, the best for both first, whom profiles allow this moment; None if they do not answer.

        Members of one unit meet by themselves: in most turns they come after everybody else, however well they fit.
        """
        as_of_us = self._suggester.now_us()
        try:
            found = await self._suggester.suggest(
                person.person_id,
                kinds={Kind.PEER},
                limit=self._settings.candidates,
                as_of_us=as_of_us,
                shadow=mode is not LaunchMode.ON,
            )
        except NoSuchPerson:
            return []
        wanted = [each for each in found.suggestions if each.person.wishes.cadence.interval is not None]
        ordered = await self._suggester.mutual(person, Kind.PEER, wanted, as_of_us=as_of_us)
        if not RECIPES[Kind.PEER].own_unit_turn(person.person_id, claim.period):
            ordered = sorted(ordered, key=lambda each: each.person.unit == person.unit != "")
        if not ordered:
            return []
        answer = await self._participants.allowed([(person.person_id, each.person.person_id) for each in ordered])
        if answer is None:
            return None
        return [each for each, allowed in zip(ordered, answer, strict=True) if allowed]


def _proposal(person: Person, suggestion: Suggestion) -> Proposal:
    return Proposal(
        recipe=RECIPES[suggestion.kind],
        asker=person,
        other=suggestion.person,
        reasons=suggestion.reasons,
        starters=starters(suggestion.reasons),
    )
