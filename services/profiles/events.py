"""Takes in the upserts that HR and directories write, under the same rules as an import, each with one effect."""

from __future__ import annotations

from collections.abc import Sequence

from acquaint.errors.v1 import error_reason_pb2
from acquaint.profiles.v1.events_pb2 import ProfileUpsertRequested

from services.platform.consumer import Delivery, Poison
from services.platform.errors import ServiceError, aborted, reason_name
from services.platform.mongo import DuplicateKey, Session
from services.profiles.domain.ownership import Ownership
from services.profiles.people.changes import Changes, Edit
from services.profiles.people.importing import DEFAULT_SOURCE, upsert


def source_of(delivery: Delivery) -> str:
    """The feed a record comes from: what it says, else the feed this topic is there for."""
    return delivery.source or DEFAULT_SOURCE


class Inbound:
    """The consumer of `acquaint.profiles.inbound.v1`."""

    def __init__(self, changes: Changes, ownership: Ownership) -> None:
        self._changes = changes
        self._ownership = ownership

    async def on_upserts(self, session: Session, deliveries: Sequence[Delivery]) -> Sequence[Poison]:
        """Applies upserts in order; several of one person in a batch change that person one after the other.

        Raises ServiceError RESOURCE_EXHAUSTED while no more may be written: the records wait.
        """
        await self._changes.check_capacity()
        poison: list[Poison] = []
        edits: list[Edit] = []
        accepted: list[Delivery] = []
        for delivery in deliveries:
            try:
                edits.append(self._edit(delivery))
            except ServiceError as error:
                poison.append(_poison(delivery, error))
            else:
                accepted.append(delivery)
        try:
            outcomes = await self._changes.apply(session, edits)
        except DuplicateKey:
            # A call made the same person since this transaction's snapshot: the batch is worth a second try.
            raise aborted(error_reason_pb2.ERROR_REASON_ETAG_MISMATCH, "others change the same people") from None
        for delivery, outcome in zip(accepted, outcomes, strict=True):
            if outcome.error is not None:
                poison.append(_poison(delivery, outcome.error))
        return poison

    def _edit(self, delivery: Delivery) -> Edit:
        event = delivery.event
        assert isinstance(event, ProfileUpsertRequested)  # the topic carries nothing else
        position = (delivery.generation, delivery.offset)
        return upsert(event.profile, event.update_mask.paths, source_of(delivery), self._ownership, position=position)


def _poison(delivery: Delivery, error: ServiceError) -> Poison:
    fields = "; ".join(f"{each.field}: {each.description}" for each in error.violations)
    return Poison(delivery=delivery, reason=f"{reason_name(error.reason)}: {fields or error.message}")
