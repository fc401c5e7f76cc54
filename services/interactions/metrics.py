"""The service's own metrics, in the platform's registry. Labels never hold a person, nor a name that a client chose."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter

from services.interactions.domain import Accepted, Duplicate, Verdict


class RecordingMetrics:
    """What became of interactions that were sent by call; those that come by topic are in the consumer's metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        # Interactions by outcome (accepted, duplicate, or the cause of the refusal): a rising share of one cause shows
        # a source that is configured wrong.
        self._interactions = Counter(
            "acquaint_interactions", "Interactions sent by call.", ("outcome",), registry=registry
        )

    def count(self, verdicts: Sequence[Verdict]) -> None:
        """Counts one recorded batch."""
        for outcome, number in Tally(map(_outcome, verdicts)).items():
            self._interactions.labels(outcome).inc(number)


def _outcome(verdict: Verdict) -> str:
    if isinstance(verdict, Accepted):
        return "accepted"
    return "duplicate" if isinstance(verdict, Duplicate) else verdict.cause.name.lower()
