"""Outcomes of batches as results: one for each item, in the order of the request, each with its own error."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from acquaint.profiles.v1 import profile_service_pb2
from acquaint.profiles.v1.profile_service_pb2 import ImportOutcome, ImportResult

from services.platform.errors import ServiceError, invalid, to_status
from services.profiles.people.changes import Edit
from services.profiles.people.outcomes import Outcome, Result, refused

_OUTCOMES: dict[Result, ImportOutcome.ValueType] = {
    Result.CREATED: profile_service_pb2.IMPORT_OUTCOME_CREATED,
    Result.UPDATED: profile_service_pb2.IMPORT_OUTCOME_UPDATED,
    Result.UNCHANGED: profile_service_pb2.IMPORT_OUTCOME_UNCHANGED,
    Result.REFUSED: profile_service_pb2.IMPORT_OUTCOME_REFUSED,
}


class Batch:
    """The items of one call: those that are wrong in themselves are refused before anything is asked of the database.

    `field` names what must not be in a batch twice. The first of two stands: were they applied in order, a repetition
    of the call would change the person twice more.
    """

    def __init__(self, field: str) -> None:
        self.edits: list[Edit] = []
        self._field = field
        self._results: list[Outcome | None] = []
        self._places: dict[Hashable, int] = {}

    def add(self, name: str, make: Callable[[], Edit]) -> None:
        """Takes one item about the person `name`; `make` raises ServiceError for an item that is wrong."""
        place = len(self._results)
        try:
            edit = make()
            first = self._places.setdefault(name, place)
            if first != place:
                raise invalid(self._field, f"is in this batch already, as item {first}")
        except ServiceError as error:
            self._results.append(refused(error))
            return
        self.edits.append(edit)
        self._results.append(None)

    def results(self, outcomes: Sequence[Outcome]) -> list[ImportResult]:
        """The results of all items, given the outcomes of `edits`."""
        following = iter(outcomes)
        return [_result(known or next(following)) for known in self._results]


def _result(outcome: Outcome) -> ImportResult:
    error = None if outcome.error is None else to_status(outcome.error)
    return ImportResult(outcome=_OUTCOMES[outcome.result], error=error, ignored_fields=outcome.left_alone)
