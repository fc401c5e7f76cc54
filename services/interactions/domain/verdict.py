"""What becomes of each interaction of a batch: accepted once, a duplicate for ever after, or refused with its cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import Enum

from services.interactions.domain.interaction import EARLIEST_NS, Interaction
from services.interactions.domain.source import Source


class Cause(Enum):
    """Why an interaction is refused; the names are those of the API's error reasons."""

    INVALID_FIELD = "a field breaks its rule"
    TIME_IN_FUTURE = "it lies in the future"
    SOURCE_UNKNOWN = "its source is not registered"
    SOURCE_OFF = "its source is switched off"
    SOURCE_NOT_GRANTED = "the client may not write its source"
    ID_CONFLICT = "its id was used before with other content"
    PERSON_ERASED = "fewer than two of its people are left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A field of the interaction, as a path within it, and what is wrong with it."""

    field: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Not stored. `faults` are there where fields are to blame."""

    cause: Cause
    message: str
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Stored now, without people who were erased. `content_hash` is that of the interaction as it was sent."""

    interaction: Interaction
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Stored before with the same content."""


Candidate = Interaction | Refused
Verdict = Accepted | Duplicate | Refused
DUPLICATE = Duplicate()


def invalid(*faults: Fault) -> Refused:
    """Refused for its fields; the message names the first."""
    return Refused(cause=Cause.INVALID_FIELD, message=f"{faults[0].field}: {faults[0].description}", faults=faults)


def admit(
    candidates: Sequence[Candidate],
    *,
    sources: Mapping[str, Source],
    may_write: Callable[[str], bool],
    latest_ns: int,
) -> list[Candidate]:
    """The candidates, those refused that no state but the sources' is needed to refuse.

    `may_write` says which sources the client is granted. Nothing may have happened after `latest_ns`.
    """
    closed: dict[str, Refused | None] = {}
    admitted: list[Candidate] = []
    for candidate in candidates:
        if isinstance(candidate, Interaction):
            name = candidate.source
            if name not in closed:
                closed[name] = _closed(name, sources.get(name), may_write)
            admitted.append(closed[name] or _improper(candidate, latest_ns) or candidate)
        else:
            admitted.append(candidate)
    return admitted


def decide(candidates: Sequence[Candidate], known: Mapping[str, bytes], erased: Set[str]) -> list[Verdict]:
    """One verdict per candidate, in order.

    `known` has the content hash of every candidate's record id that is stored. The first of several equal candidates
    is accepted, the others are its duplicates.
    """
    hashes = dict(known)
    verdicts: list[Verdict] = []
    for candidate in candidates:
        if isinstance(candidate, Refused):
            verdicts.append(candidate)
            continue
        record_id, content_hash = candidate.record_id, candidate.content_hash()
        before = hashes.get(record_id)
        if before is not None:
            verdicts.append(DUPLICATE if before == content_hash else _conflict(record_id))
        elif (left := candidate.without(erased)) is None:
            verdicts.append(Refused(cause=Cause.PERSON_ERASED, message="fewer than two of its people are not erased"))
        else:
            hashes[record_id] = content_hash
            verdicts.append(Accepted(interaction=left, content_hash=content_hash))
    return verdicts


def _closed(name: str, source: Source | None, may_write: Callable[[str], bool]) -> Refused | None:
    if not may_write(name):
        return Refused(cause=Cause.SOURCE_NOT_GRANTED, message=f"the client may not write source {name!r}")
    if source is None:
        return Refused(cause=Cause.SOURCE_UNKNOWN, message=f"source {name!r} is not registered")
    if not source.enabled:
        return Refused(cause=Cause.SOURCE_OFF, message=f"source {name!r} is switched off")
    return None


def _improper(interaction: Interaction, latest_ns: int) -> Refused | None:
    if interaction.initiator in interaction.participants:
        return invalid(Fault(field="participant_ids", description="must not name the initiator"))
    if interaction.time_ns < EARLIEST_NS:
        return invalid(Fault(field="time", description="lies before the year 1"))
    if interaction.time_ns > latest_ns:
        fault = Fault(field="time", description="lies in the future")
        return Refused(cause=Cause.TIME_IN_FUTURE, message="time: lies in the future", faults=(fault,))
    return None


def _conflict(record_id: str) -> Refused:
    return Refused(cause=Cause.ID_CONFLICT, message=f"{record_id!r} was recorded before with other content")
