"""Introductions as tests make them, and the driver that lets time pass as the service's job does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.recommendations.domain import lifecycle as steps
from services.recommendations.domain.introduction import Answer, Introduction
from services.recommendations.domain.kinds import Kind
from services.recommendations.domain.messages import Change
from services.recommendations.domain.reasons import Reason, ReasonType

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WEEK = timedelta(days=7)
SNOOZE = timedelta(days=3)
RETRY = timedelta(seconds=30)
REASONS = (Reason(type=ReasonType.SHARED_SKILL, values=("Go",)),)


def proposed(*, shadow: bool = False, people: tuple[str, ...] = ("ada", "bob")) -> Change:
    """A new introduction, made at START."""
    return steps.propose(
        "i-1", Kind.PEER, people, REASONS, ("One?", "Two?"), now=START, expires_after=WEEK, shadow=shadow
    )


def invited() -> Introduction:
    """One that both were asked about."""
    return proposed().introduction


def answered(
    introduction: Introduction,
    person_id: str,
    answer: Answer,
    now: datetime = START,
    snooze_until: datetime | None = None,
) -> Change:
    """One answer."""
    return steps.respond(
        introduction,
        person_id,
        answer,
        now=now,
        snooze_until=snooze_until,
        default_snooze=SNOOZE,
        retry_after=RETRY,
    )
