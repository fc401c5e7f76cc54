"""Two conversation starters for a pair, taken from the reasons they are introduced for; the same for both."""

from __future__ import annotations

from collections.abc import Sequence

from services.recommendations.domain.reasons import Reason, ReasonType

_STARTERS = {
    ReasonType.SHARED_FIELD: (
        "You both work in {value}: what are you working on at the moment?",
        "What has changed most in {value} since you began?",
    ),
    ReasonType.SHARED_SKILL: (
        "You both know {value}: where did you learn it?",
        "What would you like to do with {value} that you have not done yet?",
    ),
    ReasonType.SHARED_INTEREST: (
        "You share an interest in {value}: how did it begin for you?",
        "What should somebody who also likes {value} not miss?",
    ),
    ReasonType.SAME_SITE: (
        "You both work at {value}: what is the best spot there?",
        "Where at {value} do you go for a break?",
    ),
    ReasonType.SAME_CITY: (
        "You both work in {value}: what do you like about it?",
        "What should a newcomer to {value} see first?",
    ),
    ReasonType.SHARED_LANGUAGE: (
        "You have a language in common: what brought you to where you work now?",
        "Which part of your work would you most like others to know about?",
    ),
    ReasonType.SAME_PAST_UNIT: (
        "You both used to work in {value}: what did you take away from there?",
        "Whom or what from {value} do you still think of?",
    ),
    ReasonType.TOOK_PART_TOGETHER: (
        "You have taken part in the same {value}: how did you see it?",
        "What brought you to the {value} you were both part of?",
    ),
    ReasonType.COLLEAGUES_IN_COMMON: (
        "You have several colleagues in common: how does your work meet theirs?",
        "Which kind of work with others do you enjoy most?",
    ),
    ReasonType.OUTSIDE_USUAL_CIRCLE: (
        "Your work lies far apart: what does an ordinary week look like for each of you?",
        "What do people outside your team usually get wrong about your work?",
    ),
    ReasonType.NOT_IN_TOUCH_YET: (
        "You have not been in touch yet: what are you working on at the moment?",
        "What would you like to learn this year?",
    ),
    ReasonType.SAME_UNIT: (
        "You both work in {value}: how do your tasks there meet?",
        "What would you change about how {value} works together?",
    ),
    ReasonType.SHARED_OFFER: (
        "You both help others with {value}: what are you asked most often?",
        "Who taught you what you know about {value}?",
    ),
}


def starters(reasons: Sequence[Reason]) -> tuple[str, str]:
    """One from each of the first two reasons, or two from the only one. Needs at least one reason."""
    first = reasons[0]
    second = reasons[1] if len(reasons) > 1 else first
    return _starter(first, 0), _starter(second, 1)


def _starter(reason: Reason, which: int) -> str:
    value = reason.values[0] if reason.values else ""
    if reason.type is ReasonType.TOOK_PART_TOGETHER:
        value = _TOGETHER.get(value, value)
    return _STARTERS[reason.type][which].format(value=value)


# What people took part in, where the reason's own word reads badly in a sentence.
_TOGETHER = {"mail": "conversation", "work": "piece of work"}
