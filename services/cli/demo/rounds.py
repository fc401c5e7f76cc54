"""The planner proposes, invitations arrive, people answer: a few rounds of it, until enough introductions are made.

One invitation of a newcomer stays open, for whoever watches the demo to answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from acquaint.notifications.v1 import inbox_service_pb2, notification_pb2
from acquaint.recommendations.v1 import introduction_pb2, introduction_service_pb2

from services.cli.connection import Clients
from services.cli.demo.answering import (
    Answered,
    Question,
    View,
    answer,
    introductions_of,
    mind,
    other_of,
    questions,
    view,
    views,
)
from services.cli.demo.network import Pair, pair
from services.cli.demo.organisation import Organisation
from services.cli.demo.proving import DeclineShown, show_decline
from services.cli.demo.steps import Steps, each, until
from services.cli.verify.command import issued

QUIET_SECONDS = 1.0
LOOK_SECONDS = 0.25
ENOUGH = 100
MOST_ROUNDS = 4
ARRIVED = {
    notification_pb2.NOTIFICATION_STATUS_SENT,
    notification_pb2.NOTIFICATION_STATUS_SUPPRESSED,
}


@dataclass(slots=True, kw_only=True)
class Rounds:
    """What came of all rounds. `open_question` is the one that nobody has answered on purpose.

    `recipients` has whom each message was for, by message id; `introductions` what each person sees at the end, and
    `newcomer` all that the person of the open question does.
    """

    shadow: int = 0
    rounds: int = 0
    answered: Answered = field(default_factory=Answered)
    decline: DeclineShown | None = None
    open_question: Question | None = None
    recipients: dict[str, str] = field(default_factory=dict)
    delivered: set[str] = field(default_factory=set)
    introductions: Mapping[str, Sequence[introduction_pb2.Introduction]] = field(default_factory=dict)
    newcomer: View | None = None

    @property
    def invitations(self) -> int:
        """How many invitations arrived."""
        return len(self.answered.given) + (self.open_question is not None)

    @property
    def made(self) -> dict[Pair, introduction_pb2.Introduction]:
        """The introductions to which both have said yes, by pair."""
        return {
            pair(person, other_of(one, person)): one
            for person, seen in self.introductions.items()
            for one in seen
            if one.state == introduction_pb2.INTRODUCTION_STATE_MADE
        }

    async def look(self, stubs: Clients) -> int:
        """Notes every message that was handed to notifications; how many there are."""
        async for page in issued(stubs):
            self.recipients.update((message.message_id, message.recipient_id) for message in page)
        return len(self.recipients)


async def shadow_proposals(stubs: Clients) -> int:
    """How many introductions were computed about which nobody was asked."""
    request = introduction_service_pb2.ListProposalsRequest(page_size=1000)
    return len((await stubs.introductions.ListProposals(request)).introductions)


async def launch(stubs: Clients) -> None:
    """From now on people are asked."""
    request = introduction_service_pb2.SetLaunchModeRequest(mode=introduction_pb2.LAUNCH_MODE_ON)
    await stubs.introductions.SetLaunchMode(request)


async def plan(stubs: Clients, held: Rounds, person_ids: Sequence[str]) -> None:
    """Has people considered now, everybody with none named, and returns when nothing more comes of it."""
    found = await held.look(stubs)
    await stubs.introductions.PlanNow(introduction_service_pb2.PlanNowRequest(person_ids=person_ids), timeout=20)
    unchanged_since = asyncio.get_running_loop().time()

    async def quiet() -> bool:
        nonlocal found, unchanged_since
        number = await held.look(stubs)
        now = asyncio.get_running_loop().time()
        if number != found:
            found, unchanged_since = number, now
        return now - unchanged_since > QUIET_SECONDS

    await until(quiet, "the planner to finish a round", seconds=180, poll=LOOK_SECONDS)


async def arrive(stubs: Clients, held: Rounds) -> set[str]:
    """Returns when everything that was said lies in the inbox it was meant for; who got something new."""
    await held.look(stubs)
    waiting = [message for message in held.recipients if message not in held.delivered]
    reached = {held.recipients[message] for message in waiting}

    async def all_there() -> bool:
        nonlocal waiting
        for start in range(0, len(waiting), 1000):
            request = inbox_service_pb2.CheckDeliveriesRequest(message_ids=waiting[start : start + 1000])
            for delivery in (await stubs.inbox.CheckDeliveries(request, timeout=20)).deliveries:
                inbox = [one for one in delivery.notifications if one.channel == notification_pb2.CHANNEL_INBOX]
                if inbox and all(one.status in ARRIVED for one in inbox):
                    held.delivered.add(delivery.message_id)
        waiting = [message for message in waiting if message not in held.delivered]
        return not waiting

    await until(all_there, "invitations to arrive", poll=LOOK_SECONDS)
    return reached


async def hold_rounds(stubs: Clients, organisation: Organisation, steps: Steps) -> Rounds:
    """Rounds of planning and answering, within every cap, until enough came of it. Raises CommandFailed."""
    held = Rounds(shadow=await shadow_proposals(stubs))
    await launch(stubs)
    while held.rounds < MOST_ROUNDS and (held.open_question is None or len(held.answered.made) < ENOUGH):
        held.rounds += 1
        considered = [] if held.rounds == 1 else second_thoughts(organisation)
        who = f"{len(considered)} people" if considered else "everybody"
        with steps.step(f"round {held.rounds}: the planner considers {who}, invitations reach inboxes") as step:
            await plan(stubs, held, considered)
            reached = await arrive(stubs, held)
            asked = questions(await views(stubs, sorted(reached)), held.answered)
            step.detail = f"{len(asked)} invitations"
        if held.decline is None:
            with steps.step("one person declines, what the other side sees is compared") as step:
                held.decline = await show_decline(stubs, organisation, asked, held.answered)
                step.detail = "identical before and after" if held.decline.identical else "DIFFERENT"
        with steps.step(f"round {held.rounds}: people answer", total=len(asked)) as step:
            held.open_question = newcomers_question(organisation, held, asked)
            await answer_all(stubs, organisation, held, asked, step.advance)
            await arrive(stubs, held)
            step.detail = f"{len(held.answered.made)} introductions made so far"
    joined = [member.person_id for member in organisation.members if member.joined]
    found = await each(introductions_of(stubs, person) for person in joined)
    held.introductions = dict(zip(joined, found, strict=True))
    if held.open_question is not None:
        held.newcomer = await view(stubs, held.open_question.person_id)
    return held


def second_thoughts(organisation: Organisation) -> list[str]:
    """Who is considered again: newcomers and every fifth of the others who joined."""
    joined = [member for member in organisation.members if member.joined]
    return [member.person_id for number, member in enumerate(joined) if member.newcomer or number % 5 == 0]


def newcomers_question(organisation: Organisation, held: Rounds, asked: Sequence[Question]) -> Question | None:
    """An invitation that is left open, of the newcomer to whom most was introduced so far; none in the first round."""
    if held.rounds == 1:
        return None
    newcomers = {member.person_id for member in organisation.newcomers}
    number = {person: held.answered.introduced.get(person, 0) for person in newcomers}
    fitting = [one for one in asked if one.person_id in newcomers and one.key not in held.answered.given]
    return max(fitting, key=lambda one: (number[one.person_id], one.key), default=None)


async def answer_all(
    stubs: Clients, organisation: Organisation, held: Rounds, asked: Sequence[Question], advance: Callable[[int], None]
) -> None:
    """Everybody answers as they would, but the question that is left open."""

    async def one(question: Question) -> None:
        if question is not held.open_question and question.key not in held.answered.given:
            person, other = organisation[question.person_id], organisation[question.other_id]
            choice = mind(person, other, question.introduction.introduction_id)
            await answer(stubs, question, choice, held.answered)
        advance(1)

    await each(one(question) for question in asked)
