"""How far a replica is: its position, the journal's end as far as known, and why it stands still if it does."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class Progress:
    """Where the fold stands; every answer and the metrics are taken from here."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.sequence = 0
        self.end = 0
        self.stalled = ""
        self.caught_up = False
        self._sequence = _gauge("graph_sequence", "Last journal record folded.", registry)
        self._lag = _gauge("graph_lag", "Journal records known and not folded.", registry)
        self._stalled = _gauge("graph_stalled", "1 while the fold cannot go on: alert.", registry)
        self.rebuilds = Counter("acquaint_graph_rebuilds", "Graphs made anew from the journal.", registry=registry)
        self.gaps = Counter("acquaint_graph_gaps", "Gaps of the topic filled from the journal.", registry=registry)

    @property
    def lag(self) -> int:
        """Journal records known and not folded."""
        return max(self.end - self.sequence, 0)

    def folded(self, sequence: int) -> None:
        """The graph stands at `sequence` now."""
        self.sequence = sequence
        self.end = max(self.end, sequence)
        self._report()

    def seen(self, end: int) -> None:
        """The journal reaches at least to `end`."""
        self.end = max(self.end, end)
        self._report()

    def stall(self, reason: str) -> None:
        """The fold cannot go on for now; "" when it can."""
        self.stalled = reason
        self._stalled.set(1 if reason else 0)

    def _report(self) -> None:
        self._sequence.set(self.sequence)
        self._lag.set(self.lag)


def _gauge(name: str, text: str, registry: CollectorRegistry) -> Gauge:
    return Gauge(f"acquaint_{name}", text, registry=registry)
