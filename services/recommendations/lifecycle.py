"""Carries introductions through their life: each step is one transaction with its facts, conditional on the version.

Nothing goes out that profiles did not just allow. Who answers learns nothing of the others, not even by the time taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from services.platform.clock import Clock
from services.platform.mongo import Database, Session
from services.platform.telemetry import current_traceparent
from services.recommendations.domain import lifecycle as steps
from services.recommendations.domain.ids import introduction_id as id_of_claim
from services.recommendations.domain.introduction import Answer, Doom, Introduction, State
from services.recommendations.domain.kinds import LaunchMode
from services.recommendations.domain.lifecycle import UnknownIntroduction
from services.recommendations.domain.messages import Change
from services.recommendations.domain.people import Person
from services.recommendations.domain.reasons import Reason
from services.recommendations.domain.view import View, view
from services.recommendations.events import Publisher
from services.recommendations.kinds import Recipe
from services.recommendations.metrics import Counters
from services.recommendations.peers import ParticipantCheck
from services.recommendations.settings import LifecycleSettings, PlannerSettings
from services.recommendations.store import CapacityStore, Claim, DueStore, IntroductionStore, LaunchStore


class ModeChanged(Exception):
    """The launch mode is no longer what the proposal was made for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Two people, why, and whose turn led to it (`asker`)."""

    recipe: Recipe
    asker: Person
    other: Person
    reasons: Sequence[Reason]
    starters: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What the database holds, by collection."""

    introductions: IntroductionStore
    capacity: CapacityStore
    due: DueStore
    launch: LaunchStore

    @classmethod
    def of(cls, database: Database) -> Stores:
        """The stores of one database."""
        return cls(
            introductions=IntroductionStore(database),
            capacity=CapacityStore(database),
            due=DueStore(database),
            launch=LaunchStore(database),
        )


class Lifecycle:
    """Every step of introductions, on MongoDB and profiles only: it goes on while a graph is unavailable."""

    def __init__(
        self,
        *,
        database: Database,
        stores: Stores,
        publisher: Publisher,
        participants: ParticipantCheck,
        settings: LifecycleSettings,
        planner: PlannerSettings,
        counters: Counters,
        clock: Clock,
    ) -> None:
        self._database = database
        self._stores = stores
        self._publisher = publisher
        self._participants = participants
        self._settings = settings
        self._planner = planner
        self._counters = counters
        self._clock = clock
        self._retry = timedelta(seconds=settings.retry_seconds)

    async def propose(self, claim: Claim, proposal: Proposal, mode: LaunchMode) -> Introduction:
        """The claim takes effect: one introduction, its counters, its invitations and the person's next turn.

        In the mode shadow nobody is asked. Raises ModeChanged, PairIsOpen, AlreadyProposed, CapReached, ClaimLost and
        NoTurns.
        """
        now, shadow = self._clock.now(), mode is not LaunchMode.ON
        asker, other, recipe = proposal.asker, proposal.other, proposal.recipe
        change = steps.propose(
            id_of_claim(recipe.kind, asker.person_id, claim.period, shadow=shadow),
            recipe.kind,
            (asker.person_id, other.person_id),
            proposal.reasons,
            proposal.starters,
            now=now,
            expires_after=timedelta(days=self._settings.expire_days),
            shadow=shadow,
        )
        traceparent = current_traceparent()

        async def body(session: Session) -> None:
            if await self._stores.launch.mode(session) is not mode:
                raise ModeChanged
            await self._stores.introductions.insert(session, change.introduction)
            await self._stores.capacity.take_day(session, now, cap=self._planner.per_day, shadow=shadow)
            for person in (asker, other):
                await self._stores.capacity.take(
                    session,
                    person.person_id,
                    now,
                    cap=person.wishes.cap(recipe.minutes),
                    inbound_cap=self._planner.inbound_cap,
                    inbound=person is other,
                    shadow=shadow,
                )
            await self._stores.due.finish(claim, now, _next_turn(asker, now), session)
            await self._stores.due.delay(other.person_id, _next_turn(other, now), session)
            await self._publisher.publish(session, change, traceparent)

        await self._publisher.check_capacity()
        await self._database.transaction(body)
        self._publisher.committed()
        self._count(change.introduction)
        return change.introduction

    async def respond(
        self, introduction_id: str, person_id: str, answer: Answer, snooze_until: datetime | None
    ) -> View:
        """Records an answer and makes the introduction if it was the last yes; what the person sees afterwards.

        Raises UnknownIntroduction, InvitationIsClosed, SnoozeOutOfRange.
        """
        await self._publisher.check_capacity()
        now = self._clock.now()

        def step(introduction: Introduction) -> Change:
            return steps.respond(
                introduction,
                person_id,
                answer,
                now=now,
                snooze_until=snooze_until,
                default_snooze=timedelta(days=self._settings.snooze_days),
                retry_after=self._retry,
            )

        introduction = await self._step(introduction_id, step)
        if introduction is not None and answer is Answer.ACCEPT and introduction.state is State.INVITED:
            # Asked whatever the others said, so that the time taken tells nothing; what is refused waits for its turn.
            allowed = await self._allowed(introduction)
            if allowed and introduction.agreed:
                introduction = await self._step(introduction_id, lambda each: steps.make(each, self._clock.now()))
        seen = view(introduction, person_id, self._clock.now()) if introduction is not None else None
        if seen is None:
            raise UnknownIntroduction
        return seen

    async def let_time_pass(self, introduction_id: str) -> None:
        """Does what is due: expires, asks again, or makes what all agreed to."""
        introduction = await self._stores.introductions.get(introduction_id)
        now = self._clock.now()
        if introduction is None or introduction.due_time is None or introduction.due_time > now:
            return
        if now >= introduction.expire_time:
            await self._step(introduction_id, lambda each: steps.expire(each, now))
        elif introduction.doom is Doom.BLOCKED:
            await self._step(introduction_id, lambda each: steps.ask_again(each, now, silently=True))
        elif introduction.agreed or await self._stores.launch.mode() is LaunchMode.ON:
            await self._go_on(introduction, now)
        else:
            await self._step(introduction_id, lambda each: steps.postpone(each, now + self._retry))

    async def _go_on(self, introduction: Introduction, now: datetime) -> None:
        named = introduction.introduction_id
        allowed = await self._allowed(introduction)
        if allowed is None:
            await self._step(named, lambda each: steps.postpone(each, now + self._retry))
        elif not allowed:
            await self._step(named, steps.block)
            await self._step(named, lambda each: steps.ask_again(each, now, silently=True))
        elif introduction.agreed:
            await self._step(named, lambda each: steps.make(each, now))
        else:
            await self._step(named, lambda each: steps.ask_again(each, now, silently=each.doom is Doom.BLOCKED))

    async def block(self, introduction_id: str) -> None:
        """Something stands between the people now: nothing more goes out, and nothing shows."""
        await self._step(introduction_id, steps.block)

    async def erase(self, person_ids: AbstractSet[str]) -> None:
        """Takes erased people out of everything; what was open is withdrawn at once. Repeating it changes nothing."""
        stores = self._stores
        # First: a proposal writes to the turns of both, so it is either refused from here on or found below.
        await stores.due.forget(person_ids)
        await stores.introductions.delete_proposals_of(person_ids)
        for introduction_id, people in await stores.introductions.naming(person_ids):
            for person_id in person_ids & frozenset(people):
                step = partial(steps.erase, person_id=person_id, now=self._clock.now())
                await self._step(introduction_id, step)
        await stores.capacity.forget(person_ids)

    async def _allowed(self, introduction: Introduction) -> bool | None:
        answer = await self._participants.allowed([introduction.person_ids])
        if answer is None:
            self._counters.unanswered.inc()
            return None
        return answer[0]

    async def _step(self, introduction_id: str, step: Callable[[Introduction], Change]) -> Introduction | None:
        traceparent = current_traceparent()

        async def body(session: Session) -> tuple[Introduction, Introduction] | None:
            before = await self._stores.introductions.get(introduction_id, session)
            if before is None:
                return None
            change = step(before)
            if not change.nothing:
                await self._stores.introductions.save(session, change)
                await self._publisher.publish(session, change, traceparent)
            return before, change.introduction

        done = await self._database.transaction(body)
        if done is None:
            return None
        before, after = done
        self._publisher.committed()
        if after.state is not before.state:
            self._count(after)
        return after

    def _count(self, introduction: Introduction) -> None:
        self._counters.introductions.labels(introduction.kind.value, introduction.state.value).inc()


def _next_turn(person: Person, now: datetime) -> datetime | None:
    interval = person.wishes.cadence.interval
    return now + interval if interval is not None else None
