"""The facts this service publishes: the present state of a person on the open and on the private topic, or the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from acquaint.profiles.v1 import events_pb2
from acquaint.profiles.v1.events_pb2 import PersonErased, PrivateProfileState, ProfileState

from services.platform.envelope import Fact
from services.platform.telemetry import current_traceparent
from services.platform.topics import Topic, declared
from services.profiles.people.views import colleagues_part, matching_part
from services.profiles.store import Erased, Person

TOPICS: Mapping[str, Topic] = declared(events_pb2.DESCRIPTOR)
PUBLIC = TOPICS["acquaint.profiles.v1"]
PRIVATE = TOPICS["acquaint.private-profiles.v1"]
INBOUND = TOPICS["acquaint.profiles.inbound.v1"]


def public_state(person: Person) -> Fact:
    """What colleagues may see, at the person's public version."""
    state = ProfileState(person_id=person.person_id, version=person.public_version)
    state.profile.CopyFrom(colleagues_part(person.profile))
    state.profile.version = person.public_version
    return _fact(state)


def private_state(person: Person, boundaries: Iterable[str]) -> Fact:
    """What matching and delivery need, at the person's private version. `boundaries` are with whom one stands."""
    state = PrivateProfileState(person_id=person.person_id, version=person.private_version)
    state.profile.CopyFrom(matching_part(person.profile))
    state.boundary_person_ids.extend(sorted(boundaries))
    return _fact(state)


def erased_state(entry: Erased) -> Fact:
    """The last state, on both topics: id, final version, nothing else."""
    return _fact(PersonErased(person_id=entry.person_id, version=entry.version))


def _fact(state: ProfileState | PrivateProfileState | PersonErased) -> Fact:
    return Fact(
        id=f"{state.person_id}/{state.version}",
        key=state.person_id,
        message=state,
        version=state.version,
        traceparent=current_traceparent(),
    )
