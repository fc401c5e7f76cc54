"""The rules of the interactions service: identity, what a repeat is, who is taken out, what is refused."""

from services.interactions.domain.digest import Digest
from services.interactions.domain.interaction import FEWEST_PEOPLE, Interaction
from services.interactions.domain.source import Source
from services.interactions.domain.verdict import (
    DUPLICATE,
    Accepted,
    Candidate,
    Cause,
    Duplicate,
    Fault,
    Refused,
    Verdict,
    admit,
    decide,
    invalid,
)

__all__ = [
    "Accepted",
    "Candidate",
    "Cause",
    "DUPLICATE",
    "Digest",
    "Duplicate",
    "FEWEST_PEOPLE",
    "Fault",
    "Interaction",
    "Refused",
    "Source",
    "Verdict",
    "admit",
    "decide",
    "invalid",
]
