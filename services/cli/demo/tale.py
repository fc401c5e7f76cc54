"""Everything the demo has to tell, in one place: the terminal and the report say the same."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from acquaint.notifications.v1 import notification_pb2
from acquaint.recommendations.v1 import introduction_pb2

from services.cli.demo.answering import ACCEPT, DECLINE, LATER, SILENCE
from services.cli.demo.futures import DAYS, Future, random_pairs, run
from services.cli.demo.history import Habits, Happening
from services.cli.demo.loading import Recorded
from services.cli.demo.network import Measures, Network, Pair, measure, ties
from services.cli.demo.organisation import Member, Organisation
from services.cli.demo.proving import BoundaryShown, DeclineShown
from services.cli.demo.rounds import Rounds

NONE, RANDOM, REAL = "without", "random", "Acquaint's"
PHRASES = {
    introduction_pb2.REASON_TYPE_SHARED_FIELD: "both work in {}",
    introduction_pb2.REASON_TYPE_SHARED_SKILL: "both know {}",
    introduction_pb2.REASON_TYPE_SHARED_INTEREST: "both like {}",
    introduction_pb2.REASON_TYPE_SHARED_OFFER: "both help with {}",
    introduction_pb2.REASON_TYPE_SAME_SITE: "same site",
    introduction_pb2.REASON_TYPE_SAME_CITY: "same city",
    introduction_pb2.REASON_TYPE_SHARED_LANGUAGE: "a language in common",
    introduction_pb2.REASON_TYPE_SAME_PAST_UNIT: "same unit in the past",
    introduction_pb2.REASON_TYPE_TOOK_PART_TOGETHER: "took part in the same {}",
    introduction_pb2.REASON_TYPE_COLLEAGUES_IN_COMMON: "several colleagues in common",
    introduction_pb2.REASON_TYPE_OUTSIDE_USUAL_CIRCLE: "outside the usual circle",
    introduction_pb2.REASON_TYPE_NOT_IN_TOUCH_YET: "not in touch yet",
    introduction_pb2.REASON_TYPE_SAME_UNIT: "same unit",
}
ANSWER_WORDS = {
    ACCEPT: "says yes to",
    DECLINE: "declines, silently:",
    LATER: "says later to",
    SILENCE: "does not answer:",
}


def because(reasons: Sequence[introduction_pb2.Reason]) -> str:
    """Reasons in a few words."""
    return ", ".join(PHRASES[reason.type].format(" and ".join(reason.values)) for reason in reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One of the three futures, its network after ninety days, and what that is like."""

    future: Future
    network: Network
    measures: Measures


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One line of somebody's time: when, in words, and what."""

    when: str
    what: str
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tale:
    """What happened, and the three futures by name."""

    organisation: Organisation
    joined: int
    recorded: Recorded
    interactions: int
    boundary: BoundaryShown
    held: Rounds
    decline: DeclineShown
    verified: Mapping[str, Any]
    before: Network
    before_measures: Measures
    runs: Mapping[str, Run]
    memory: int

    @property
    def newcomer(self) -> Member:
        """The newcomer whose story is told: the one with an open invitation."""
        question = self.held.open_question
        return self.organisation[question.person_id] if question else self.organisation.newcomers[0]

    @property
    def made(self) -> dict[Pair, introduction_pb2.Introduction]:
        """The introductions that were made."""
        return self.held.made

    @property
    def boundary_held(self) -> bool:
        """Whether the two were never asked about one another."""
        both = {self.boundary.person, self.boundary.other}
        introductions = (one for person in both for one in self.held.introductions[person])
        return all(both != {each.person_id for each in one.participants} for one in introductions)

    @property
    def clean(self) -> bool:
        """Whether every promise shown here was kept."""
        return bool(self.verified["clean"]) and self.decline.identical and self.boundary_held

    def count(self, answer: str) -> int:
        """How many gave this answer."""
        return self.held.answered.count(answer)

    def name(self, person_id: str) -> str:
        """A person's name."""
        return self.organisation[person_id].name

    def place(self, person_id: str) -> str:
        """A person's unit and city."""
        member = self.organisation[person_id]
        return f"{member.group}, {member.city}"

    @property
    def inbox(self) -> Sequence[notification_pb2.Notification]:
        """The newcomer's inbox at the end, newest first."""
        return self.held.newcomer.inbox if self.held.newcomer is not None else ()

    def delivery_median(self) -> float:
        """Median seconds from a proposal to its lying in the inbox."""
        taken = [
            _time(given.question.notification.sent_time) - _time(given.question.introduction.create_time)
            for given in self.held.answered.given.values()
        ]
        return statistics.median(each.total_seconds() for each in taken)

    def examples(self, number: int) -> list[tuple[Pair, introduction_pb2.Introduction]]:
        """Some of the introductions, those with most reasons first, everybody once, newcomers' first of all."""
        newcomers = {member.person_id for member in self.organisation.newcomers}

        def worth(item: tuple[Pair, introduction_pb2.Introduction]) -> tuple[bool, bool, int, Pair]:
            (a, b), introduction = item
            apart = self.organisation[a].group != self.organisation[b].group
            return not {a, b} & newcomers, not apart, -len(introduction.reasons), (a, b)

        found: list[tuple[Pair, introduction_pb2.Introduction]] = []
        shown: set[str] = set()
        for item in sorted(self.made.items(), key=worth):
            if not shown & set(item[0]):
                shown |= set(item[0])
                found.append(item)
        return found[:number]

    def moments(self) -> list[Moment]:
        """The newcomer's time: what reached them and what they answered, then the simulated ninety days."""
        person = self.newcomer.person_id
        told = [(_time(one.sent_time), _told(one)) for one in self.inbox]
        answered = [
            (given.time, f"{self.newcomer.name} {ANSWER_WORDS[given.answer]} {self.name(given.question.other_id)}")
            for key, given in self.held.answered.given.items()
            if key[0] == person
        ]
        found = [Moment(when=f"{self.newcomer.since:%-d %B}", what="first day")]
        found += [Moment(when=f"today, {time:%H:%M:%S} UTC", what=what) for time, what in sorted(told + answered)]
        real = self.runs[REAL]
        for (a, b), day in sorted(real.future.meetings.items(), key=lambda item: item[1]):
            if person in (a, b):
                other = b if a == person else a
                lasts = "in touch after 90 days" if (a, b) in real.network.ties else "no tie after 90 days"
                number = (day - self.organisation.today).days
                found.append(Moment(when=f"day {number}", what=f"meets {self.name(other)}; {lasts}", simulated=True))
        return found

    def across(self, name: str) -> str:
        """How many introduced pairs of a run are of different units, of how many."""
        pairs = self.runs[name].future.introductions
        return f"{sum(self.organisation[a].group != self.organisation[b].group for a, b in pairs)} of {len(pairs)}"

    def lasting(self, name: str) -> str:
        """How many introduced pairs of a run are in touch at its end, of how many."""
        one = self.runs[name]
        return f"{one.future.lasting(one.network)} of {len(one.future.introductions)}"


def _time(stamp: Any) -> datetime:
    return datetime.fromtimestamp(stamp.seconds + stamp.nanos / 1e9, UTC)


def _told(notification: notification_pb2.Notification) -> str:
    kind = "invitation" if notification.type == notification_pb2.NOTIFICATION_TYPE_INVITATION else "introduction"
    return f"{kind}: “{notification.title}”"


def what_follows(
    organisation: Organisation, habits: Habits, past: Sequence[Happening], introductions: Sequence[Pair]
) -> dict[str, Run]:
    """The three futures."""
    end = organisation.today + timedelta(days=DAYS)
    plans: dict[str, Sequence[Pair]] = {
        NONE: [],
        RANDOM: random_pairs(organisation, past, len(introductions)),
        REAL: sorted(introductions),
    }
    found = {}
    for name, pairs in plans.items():
        future = run(name, organisation, habits, past, pairs)
        network = ties(future.events, end)
        found[name] = Run(future=future, network=network, measures=measure(organisation, network))
    return found
