"""Any order of turns, answers, blocks, erasures and time on a real database: caps hold, consent comes before effect."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from acquaint.recommendations.v1.events_pb2 import IntroductionMade
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from services.recommendations.domain.introduction import Answer, Introduction, State
from services.recommendations.domain.kinds import LaunchMode
from services.recommendations.domain.lifecycle import InvitationIsClosed, SnoozeOutOfRange, UnknownIntroduction
from services.recommendations.domain.view import view
from services.recommendations.settings import PlannerSettings
from services.recommendations.store import AlreadyProposed, CapReached, PairIsOpen
from tests.integration.recommendations.lives import Lives
from tests.runtime import Database
from tests.unit.recommendations.people import person

PEOPLE = ("ada", "bob", "cyd", "dan")
CAP, INBOUND, PER_DAY = 3, 2, 8
SETTINGS = settings(
    max_examples=10,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=[Phase.generate],
)
T = TypeVar("T")


class Life(RuleBasedStateMachine):
    """Four people, their turns and their answers, on one database."""

    lives: Lives
    run: Callable[[Awaitable[T]], T]

    def __init__(self) -> None:
        super().__init__()
        self.run(self.lives.begin_anew())
        self.said_yes: set[tuple[str, str]] = set()
        self.erased: set[str] = set()
        self.given: dict[str, int] = {}

    def everything(self) -> list[Introduction]:
        return self.run(self.lives.everything())

    @rule(asker=st.sampled_from(PEOPLE), other=st.sampled_from(PEOPLE))
    def somebodys_turn_comes(self, asker: str, other: str) -> None:
        if asker == other or {asker, other} & self.erased:
            return
        people = [person(each, wishes={"monthly_cap": CAP}) for each in (asker, other)]
        try:
            self.run(self.lives.introduced(people[0], people[1]))
        except (PairIsOpen, CapReached, AlreadyProposed):
            return
        for each in (asker, other):
            month = f"{each} {self.lives.clock.now():%Y-%m}"
            self.given[month] = self.given.get(month, 0) + 1

    @rule(which=st.integers(0, 20), who=st.integers(0, 1), answer=st.sampled_from(Answer))
    def somebody_answers(self, which: int, who: int, answer: Answer) -> None:
        everything = self.everything()
        if not everything:
            return
        introduction = everything[which % len(everything)]
        person_id = introduction.person_ids[who % len(introduction.person_ids)]
        with contextlib.suppress(InvitationIsClosed, SnoozeOutOfRange, UnknownIntroduction):
            self.run(self.lives.lifecycle.respond(introduction.introduction_id, person_id, answer, None))
            if answer is Answer.ACCEPT:
                self.said_yes.add((introduction.introduction_id, person_id))
            elif answer is Answer.DECLINE:
                self.said_yes.discard((introduction.introduction_id, person_id))

    @rule(apart=st.sets(st.sampled_from(PEOPLE), max_size=1), answering=st.booleans())
    def profiles_change_their_mind(self, apart: set[str], answering: bool) -> None:
        self.lives.profiles.apart, self.lives.profiles.answering = apart, answering

    @rule(which=st.integers(0, 20))
    def a_boundary_comes_between(self, which: int) -> None:
        if everything := self.everything():
            self.run(self.lives.lifecycle.block(everything[which % len(everything)].introduction_id))

    @rule(hours=st.integers(1, 100))
    def time_passes(self, hours: int) -> None:
        self.lives.clock.advance(timedelta(hours=hours).total_seconds())
        self.run(self.lives.pass_time())

    @rule(mode=st.sampled_from((LaunchMode.ON, LaunchMode.ON, LaunchMode.OFF)))
    def the_mode_is_set(self, mode: LaunchMode) -> None:
        if mode is LaunchMode.OFF:
            self.run(self.lives.stores.launch.set(mode))
            self.run(self.lives.pass_time())
        self.run(self.lives.stores.launch.set(LaunchMode.ON))

    @rule(person_id=st.sampled_from(PEOPLE[3:]))
    def somebody_is_erased(self, person_id: str) -> None:
        self.erased.add(person_id)
        self.run(self.lives.lifecycle.erase({person_id}))

    @invariant()
    def made_means_everybody_said_yes_and_everybody_was_told(self) -> None:
        made = {each.introduction_id: each for each in self.everything() if each.state is State.MADE}
        for introduction in made.values():
            for person_id in introduction.person_ids:
                assert (introduction.introduction_id, person_id) in self.said_yes
        told = {
            (event.introduction_id, event.recipient_id)
            for _, event in self.run(self.lives.facts())
            if isinstance(event, IntroductionMade)
        }
        assert {(each, who) for each in made for who in made[each].person_ids} <= told
        assert all(named in made or self.erased for named, _ in told)

    @invariant()
    def counters_stay_under_their_caps(self) -> None:
        for counter in self.run(self.lives.database.collection("capacity").find({})):
            if counter["person_id"]:
                assert counter["all"] <= CAP
                assert counter["inbound"] <= INBOUND
                assert counter["all"] == self.given[f"{counter['person_id']} {counter['period']}"]
            else:
                assert counter["all"] <= PER_DAY

    @invariant()
    def every_message_has_one_id_and_nobody_erased_is_held(self) -> None:
        facts = self.run(self.lives.facts())
        assert len({message_id for message_id, _ in facts}) == len(facts)
        for introduction in self.everything():
            assert not self.erased & set(introduction.person_ids)
            for person_id in introduction.person_ids:
                assert view(introduction, person_id, self.lives.clock.now()) is not None


def test_any_life(database: Database, database_name: str) -> None:
    with asyncio.Runner() as runner:
        lives = Lives(database.uri, database_name, planner=PlannerSettings(inbound_cap=INBOUND, per_day=PER_DAY))
        Life.run, Life.lives = staticmethod(runner.run), runner.run(lives.__aenter__())
        try:
            run_state_machine_as_test(Life, settings=SETTINGS)
        finally:
            runner.run(lives.__aexit__())
