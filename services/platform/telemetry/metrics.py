"""Every metric of the platform in one typed table, in a registry of its own that is passed explicitly.

A service's own metrics are registered in `Metrics.registry` in the same way. Labels never hold a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """The table. Names on the endpoint have the prefix `acquaint_`."""

    registry: CollectorRegistry

    # Calls answered, by method and gRPC code: the error rate.
    rpc_calls: Counter
    # Seconds from the request's arrival to the answer, by method; streams count whole.
    rpc_seconds: Histogram
    # Calls being handled now, by kind (unary, stream): how near the limit is.
    rpc_in_flight: Gauge
    # Calls to other services, by method and gRPC code.
    rpc_client_calls: Counter
    # 1 once the process caught up after its start.
    ready: Gauge

    # Records acknowledged by the broker, by topic.
    relay_published: Counter
    # Sends that failed and made the relay begin again at the lowest unpublished record, by topic.
    relay_failures: Counter
    # Records not yet published, by topic and shard: alert at half of the limit at which writes are refused.
    relay_unpublished: Gauge
    # Epoch of the shard's lease as this process knows it, by topic and shard.
    relay_epoch: Gauge
    # 1 while this process holds the shard, by topic and shard.
    relay_held: Gauge
    # 1 while the relay refuses to publish because the topic is ahead of the journal, by topic and shard: alert.
    relay_refusing: Gauge
    # Writes refused because of the outbox's limits, by cause.
    outbox_refused: Counter
    # Records of a state topic published again because the topic's was missing, older or of an erased person.
    state_republished: Counter

    # Records done, by topic and group.
    consumer_handled: Counter
    # Records dead-lettered, by topic, group and class of error.
    consumer_poison: Counter
    # Records ignored without effect (null value on a state topic, repeat, older version), by topic, group and cause.
    consumer_ignored: Counter
    # Records between the group's position and the end, by topic, group and partition.
    consumer_lag: Gauge
    # 1 while the consumer is paused because of too much poison, by topic and group: alert.
    consumer_paused: Gauge
    # 1 while the consumer backs off because the database or a peer does not answer, by topic and group.
    consumer_backing_off: Gauge
    # Sources in quarantine, by topic and group: alert.
    consumer_quarantined: Gauge
    # Seconds of one batch from the poll to the committed effect, by topic and group.
    consumer_batch_seconds: Histogram

    @classmethod
    def create(cls, registry: CollectorRegistry | None = None) -> Self:
        """A fresh table in a registry of its own, or in the given one."""
        own = CollectorRegistry() if registry is None else registry
        topic, shard, group = ("topic",), ("topic", "shard"), ("topic", "group")

        def counter(name: str, text: str, labels: tuple[str, ...]) -> Counter:
            return Counter(f"acquaint_{name}", text, labels, registry=own)

        def gauge(name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
            return Gauge(f"acquaint_{name}", text, labels, registry=own)

        def seconds(name: str, text: str, labels: tuple[str, ...]) -> Histogram:
            return Histogram(f"acquaint_{name}_seconds", text, labels, buckets=_SECONDS, registry=own)

        return cls(
            registry=own,
            rpc_calls=counter("rpc_calls", "Calls answered.", ("method", "code")),
            rpc_seconds=seconds("rpc", "Duration of calls.", ("method",)),
            rpc_in_flight=gauge("rpc_in_flight", "Calls being handled.", ("kind",)),
            rpc_client_calls=counter("rpc_client_calls", "Calls to other services.", ("method", "code")),
            ready=gauge("ready", "1 once the process caught up after its start."),
            relay_published=counter("relay_published", "Records acknowledged by the broker.", topic),
            relay_failures=counter("relay_failures", "Sends that failed.", topic),
            relay_unpublished=gauge("relay_unpublished", "Records not yet published.", shard),
            relay_epoch=gauge("relay_epoch", "Epoch of the shard's lease.", shard),
            relay_held=gauge("relay_held", "1 while this process holds the shard.", shard),
            relay_refusing=gauge("relay_refusing", "1 while the topic is ahead of the journal.", shard),
            outbox_refused=counter("outbox_refused", "Writes refused by the outbox's limits.", ("cause",)),
            state_republished=counter("state_republished", "State records published again.", topic),
            consumer_handled=counter("consumer_handled", "Records done.", group),
            consumer_poison=counter("consumer_poison", "Records dead-lettered.", (*group, "error")),
            consumer_ignored=counter("consumer_ignored", "Records without effect.", (*group, "cause")),
            consumer_lag=gauge("consumer_lag", "Records behind the end.", (*group, "partition")),
            consumer_paused=gauge("consumer_paused", "1 while paused by poison.", group),
            consumer_backing_off=gauge("consumer_backing_off", "1 while backing off.", group),
            consumer_quarantined=gauge("consumer_quarantined", "Sources in quarantine.", group),
            consumer_batch_seconds=seconds("consumer_batch", "Duration of batches.", group),
        )
