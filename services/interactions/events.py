"""What the service does with records of topics: reported interactions, and people who were erased."""

from __future__ import annotations

from collections.abc import Sequence

from acquaint.interactions.v1 import events_pb2
from acquaint.profiles.v1 import events_pb2 as profile_events_pb2

from services.interactions import messages
from services.interactions.domain import Refused
from services.interactions.recording import Recorder
from services.interactions.store import ErasedPeople
from services.platform.consumer import Delivery, Poison
from services.platform.mongo import Session


def source_of(delivery: Delivery) -> str:
    """The registered source that an inbound record speaks for: poison is counted and set aside by it."""
    event = delivery.event
    return event.interaction.source if isinstance(event, events_pb2.InteractionReported) else ""


class Handlers:
    """The handlers of the topics this service consumes; their effects follow from the records alone."""

    def __init__(self, *, recorder: Recorder, erased: ErasedPeople) -> None:
        self._recorder = recorder
        self._erased = erased

    async def on_interactions_reported(self, session: Session, deliveries: Sequence[Delivery]) -> Sequence[Poison]:
        """Records what is reported by the rules of RecordInteractions; what these refuse is poison with its cause."""
        reports = [
            (delivery, messages.candidate(delivery.event.interaction))
            for delivery in deliveries
            if isinstance(delivery.event, events_pb2.InteractionReported)
        ]
        verdicts = await self._recorder.record_within(session, [candidate for _, candidate in reports])
        return [
            Poison(delivery=delivery, reason=f"{verdict.cause.name}: {verdict.message}")
            for (delivery, _), verdict in zip(reports, verdicts, strict=True)
            if isinstance(verdict, Refused)
        ]

    async def on_profiles_changed(self, session: Session, deliveries: Sequence[Delivery]) -> Sequence[Poison]:
        """Keeps who was erased. Erasure is a last state, so neither order nor version of other states matters here."""
        versions = {
            delivery.event.person_id: delivery.event.version
            for delivery in deliveries
            if isinstance(delivery.event, profile_events_pb2.PersonErased)
        }
        if versions:
            await self._erased.add(session, versions)
        return ()
