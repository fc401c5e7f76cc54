"""What is known of a subscription while it works: for its metrics, for operators, and for the watchdog."""

from __future__ import annotations

from collections.abc import Mapping

from acquaint.operations.v1 import operations_service_pb2

from services.platform.consumer.application import Done
from services.platform.consumer.pauses import Pause
from services.platform.consumer.subscription import Subscription
from services.platform.telemetry import Metrics


class Vitals:
    """The state of one subscription in this process; setting it sets the metrics."""

    def __init__(self, subscription: Subscription, metrics: Metrics) -> None:
        self._metrics = metrics
        self._labels = (subscription.topic.name, subscription.group)
        self._pause = Pause(paused=False, reason="", resumed=0)
        self._backing_off = False
        self._lag: Mapping[int, int] = {}
        self._quarantined = 0
        self.handled = 0
        self.poison = 0
        self.batch_seconds = metrics.consumer_batch_seconds.labels(*self._labels)

    @property
    def pause(self) -> Pause:
        return self._pause

    @pause.setter
    def pause(self, pause: Pause) -> None:
        self._pause = pause
        self._metrics.consumer_paused.labels(*self._labels).set(pause.paused)

    @property
    def backing_off(self) -> bool:
        return self._backing_off

    @backing_off.setter
    def backing_off(self, backing_off: bool) -> None:
        if backing_off != self._backing_off:
            self._backing_off = backing_off
            self._metrics.consumer_backing_off.labels(*self._labels).set(backing_off)

    @property
    def lag(self) -> Mapping[int, int]:
        """Records behind the end, per partition that counts here."""
        return self._lag

    @lag.setter
    def lag(self, lag: Mapping[int, int]) -> None:
        for partition in self._lag.keys() - lag.keys():
            self._metrics.consumer_lag.remove(*self._labels, str(partition))
        for partition, records in lag.items():
            self._metrics.consumer_lag.labels(*self._labels, str(partition)).set(records)
        self._lag = lag

    @property
    def quarantined(self) -> int:
        return self._quarantined

    @quarantined.setter
    def quarantined(self, sources: int) -> None:
        self._quarantined = sources
        self._metrics.consumer_quarantined.labels(*self._labels).set(sources)

    def count(self, done: Done) -> None:
        """Adds what became of a batch."""
        self.handled += done.handled
        self.poison += sum(done.dead.values())
        self._metrics.consumer_handled.labels(*self._labels).inc(done.handled)
        for error, count in done.dead.items():
            self._metrics.consumer_poison.labels(*self._labels, error).inc(count)
        for cause, count in done.ignored.items():
            self._metrics.consumer_ignored.labels(*self._labels, cause).inc(count)

    def status(self) -> operations_service_pb2.ConsumerStatus:
        """The state as operators see it."""
        topic, group = self._labels
        return operations_service_pb2.ConsumerStatus(
            topic=topic,
            group=group,
            lag=sum(self._lag.values()),
            paused=self._pause.paused,
            backing_off=self._backing_off,
            handled=self.handled,
            poison=self.poison,
        )
