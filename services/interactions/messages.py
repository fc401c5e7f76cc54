"""The API's messages ⇄ the domain, and the facts that are published.

What is built from the domain holds known fields only: nothing a client put into unknown ones is stored or passed on.
"""

from __future__ import annotations

from acquaint.interactions.v1 import events_pb2, interaction_pb2, source_pb2

from services.interactions.domain import Accepted, Candidate, Fault, Interaction, Source, invalid
from services.interactions.recognition import plainly_valid
from services.platform.envelope import Fact
from services.platform.validation import violations_of

_SECOND = 10**9


def candidate(message: interaction_pb2.Interaction) -> Candidate:
    """What a client sent, or why it is refused for its own sake."""
    participants = tuple(message.participant_ids)
    if not plainly_valid(message, participants) and (violations := violations_of(message)):
        return invalid(*(Fault(field=each.field, description=each.description) for each in violations))
    time = message.time
    if not 0 <= time.nanos < _SECOND:
        return invalid(Fault(field="time.nanos", description="must be at least 0 and less than 1000000000"))
    return Interaction(
        source=message.source,
        interaction_id=message.interaction_id,
        type=message.type,
        initiator=message.initiator_id,
        participants=participants,
        time_ns=time.seconds * _SECOND + time.nanos,
        duration_ns=message.duration.ToNanoseconds() if message.HasField("duration") else None,
        context=message.context_id,
        help=message.help_kind,
    )


def write_interaction(interaction: Interaction, message: interaction_pb2.Interaction) -> None:
    """Fills an empty message."""
    message.interaction_id = interaction.interaction_id
    message.source = interaction.source
    message.type = interaction.type  # type: ignore[assignment]
    message.initiator_id = interaction.initiator
    message.participant_ids.extend(interaction.participants)
    time = message.time
    time.seconds, nanos = divmod(interaction.time_ns, _SECOND)
    if nanos:
        time.nanos = nanos
    if interaction.duration_ns is not None:
        message.duration.seconds, message.duration.nanos = divmod(interaction.duration_ns, _SECOND)
    if interaction.context:
        message.context_id = interaction.context
    if interaction.help:
        message.help_kind = interaction.help  # type: ignore[assignment]


def recorded(accepted: Accepted, traceparent: str | None = None) -> Fact:
    """The fact that an interaction was recorded; its id is the interaction's identity."""
    event = events_pb2.InteractionRecorded()
    write_interaction(accepted.interaction, event.interaction)
    return Fact(id=accepted.interaction.record_id, key=None, message=event, traceparent=traceparent)


def switched(source: Source) -> Fact:
    """The fact that a source was switched; no source's name begins like its id."""
    event = events_pb2.SourceSwitched(source=source.source_id, enabled=source.enabled)
    return Fact(id=f"~switch/{source.source_id}/{source.version}", key=None, message=event, version=source.version)


def source_message(source: Source, *, quarantined: bool) -> source_pb2.Source:
    """The source as the API shows it."""
    message = source_pb2.Source(
        source_id=source.source_id,
        purpose=source.purpose,
        enabled=source.enabled,
        quarantined=quarantined,
        etag=source.etag,
    )
    message.create_time.FromDatetime(source.created)
    return message
