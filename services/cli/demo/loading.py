"""Brings the simulated organisation into the stack: its people, its sources, and what happened between them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from acquaint.interactions.v1 import interaction_pb2, interaction_service_pb2, source_pb2, source_service_pb2
from acquaint.profiles.v1 import profile_pb2, profile_service_pb2
from acquaint.recommendations.v1 import introduction_service_pb2

from services.cli import people
from services.cli.connection import Clients
from services.cli.demo.history import HELP, MEETING, MESSAGE, REVIEW, Happening
from services.cli.demo.organisation import Member, Organisation
from services.cli.demo.steps import each, until
from services.cli.output import CommandFailed, describe
from services.cli.replay.command import catch_up
from services.cli.replay.sending import record
from services.platform.errors import from_status

NOTICE = "demo notice: what is held, why, and how to say no"
SOURCES = {
    "calendar": "Who met whom, from the calendars of the simulated organisation.",
    "mail": "Who wrote to whom, without a word of what was written.",
    "reviews": "Who reviewed whose work and who helped whom.",
}
KINDS = {
    MEETING: ("calendar", interaction_pb2.INTERACTION_TYPE_MEETING),
    MESSAGE: ("mail", interaction_pb2.INTERACTION_TYPE_MESSAGE),
    REVIEW: ("reviews", interaction_pb2.INTERACTION_TYPE_REVIEW),
    HELP: ("reviews", interaction_pb2.INTERACTION_TYPE_HELP),
}
# A thousand interactions of this organisation have far fewer than the 20,000 participations that a call may have.
BATCH = 1000
IN_FLIGHT = 3
PROBES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """How recording went. Times in seconds: of all calls, from the last answer to the fold, and of single ones."""

    interactions: int
    seconds: float
    catch_up: float
    visible: Sequence[float]

    @property
    def per_second(self) -> float:
        """Interactions acknowledged a second."""
        return self.interactions / self.seconds

    @property
    def visible_median(self) -> float:
        """Median time from calling RecordInteractions to suggestions that rest on it."""
        return statistics.median(self.visible)


def day_of(when: date) -> profile_pb2.Day:
    """A calendar day."""
    return profile_pb2.Day(year=when.year, month=when.month, day=when.day)


def profile_of(member: Member) -> profile_pb2.Profile:
    """What the organisation's directory knows of a member."""
    profile = profile_pb2.Profile(
        person_id=member.person_id,
        name=member.name,
        title=member.title,
        unit=member.unit,
        manager_id=member.manager_id,
        place=profile_pb2.Place(site=member.site, city=member.city, country=member.country),
        time_zone=member.zone,
        languages=member.languages,
        fields=member.fields,
        skills=member.skills,
        interests=member.interests,
        contact=profile_pb2.ContactRoute(email=member.email),
        joined_on=day_of(member.since),
    )
    if member.leaving_on is not None:
        profile.leaving_on.CopyFrom(day_of(member.leaving_on))
        profile.leaving_announced = True
    return profile


async def import_people(stubs: Clients, organisation: Organisation, advance: Callable[[int], None]) -> int:
    """Imports everybody and joins those who said yes; returns how many joined. Raises CommandFailed."""
    informed_at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
    tally = people.Tally()
    for start in range(0, len(organisation.members), people.BATCH):
        chunk = organisation.members[start : start + people.BATCH]
        items = [profile_service_pb2.ImportItem(profile=profile_of(member)) for member in chunk]
        await people.send(stubs, [people.Row(line=0, item=item) for item in items], "hr", tally)
        if tally.errors:
            raise CommandFailed(f"a simulated person was refused: {tally.errors[0][1]}")
        joined = [member.person_id for member in chunk if member.joined]
        tally.joined += await people.join(stubs, joined, NOTICE, informed_at)
        advance(len(chunk))
    return tally.joined


async def register_sources(stubs: Clients) -> None:
    """Registers where the interactions come from."""
    for source_id, purpose in SOURCES.items():
        source = source_pb2.Source(source_id=source_id, purpose=purpose, enabled=True)
        await stubs.sources.RegisterSource(source_service_pb2.RegisterSourceRequest(source=source))


def interaction_of(event: Happening) -> interaction_pb2.Interaction:
    """What a source reports of a happening."""
    source, kind = KINDS[event.kind]
    interaction = interaction_pb2.Interaction(
        interaction_id=event.id,
        source=source,
        type=kind,
        initiator_id=event.initiator,
        participant_ids=event.participants,
        context_id=event.context,
    )
    interaction.time.FromDatetime(event.at)
    if event.kind == HELP:
        interaction.help_kind = interaction_pb2.HELP_KIND_ADVICE
    return interaction


async def record_batch(stubs: Clients, events: Sequence[Happening]) -> None:
    """Records a batch of new interactions. Raises CommandFailed when one is refused."""
    request = interaction_service_pb2.RecordInteractionsRequest(interactions=[interaction_of(each) for each in events])
    for result in (await record(stubs.interactions, request)).results:
        if result.outcome == interaction_service_pb2.RECORD_OUTCOME_REFUSED:
            raise CommandFailed(f"a simulated interaction was refused: {describe(from_status(result.error))}")


async def record_history(stubs: Clients, past: Sequence[Happening], advance: Callable[[int], None]) -> Recorded:
    """Records all that happened, the last few one by one, and waits until the graph has everything."""
    bulk, single = past[:-PROBES], past[-PROBES:]

    async def send(events: Sequence[Happening]) -> None:
        await record_batch(stubs, events)
        advance(len(events))

    began = time.monotonic()
    await each((send(bulk[start : start + BATCH]) for start in range(0, len(bulk), BATCH)), at_once=IN_FLIGHT)
    acknowledged = time.monotonic()
    await catch_up(stubs)
    folded = time.monotonic()
    visible = [await time_to_visible(stubs, event) for event in single]
    advance(len(single))
    return Recorded(
        interactions=len(bulk), seconds=acknowledged - began, catch_up=folded - acknowledged, visible=visible
    )


async def time_to_visible(stubs: Clients, event: Happening) -> float:
    """Seconds from recording one interaction until its initiator's suggestions rest on it."""
    request = introduction_service_pb2.SuggestIntroductionsRequest(person_id=event.initiator, limit=1)
    before = (await stubs.introductions.SuggestIntroductions(request)).position.sequence
    began = time.monotonic()
    await record_batch(stubs, [event])

    async def visible() -> bool:
        return (await stubs.introductions.SuggestIntroductions(request)).position.sequence > before

    await until(visible, "an interaction to be visible", poll=0.001)
    return time.monotonic() - began
