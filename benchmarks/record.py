"""Interactions a second from a client's batch to the database and to the topic, beside the raw limits of both.

python -m benchmarks.record [--interactions N] [--connections N] [--in-flight N] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from typing import Any

import grpc
import uvloop
from acquaint.interactions.v1 import (
    interaction_service_pb2,
    interaction_service_pb2_grpc,
    source_pb2,
    source_service_pb2,
    source_service_pb2_grpc,
)
from acquaint.operations.v1 import operations_service_pb2, operations_service_pb2_grpc

from benchmarks.support.events import BATCH, SOURCE, requests
from benchmarks.support.figures import machine, percentile, show
from benchmarks.support.raw import limits
from benchmarks.support.stacks import own_stack, processor_seconds, used
from services.platform.auth import development_token
from services.platform.rpc import connect


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much is sent, over how many connections, with how many calls at a time on each."""

    interactions: int = 120_000
    connections: int = 2
    in_flight: int = 2


async def run(options: Options) -> dict[str, Any]:
    """Starts a stack of its own with the one service, measures, and leaves nothing behind.

    Rates are interactions a second; `published` is from the first call to an empty outbox.
    """
    before = machine()
    async with AsyncExitStack() as opened:
        stack = await opened.enter_async_context(own_stack(["interactions"]))
        raw = await limits(stack.database.uri, stack.broker.bootstrap)
        token = development_token(stack.development_key, roles=("client", "operator"))
        channels = [
            await opened.enter_async_context(connect(stack.address("interactions"), token=lambda: token))
            for _ in range(options.connections)
        ]
        await register(channels[0])
        await record(channels, requests(10 * BATCH), options.in_flight)  # warm
        await drained(channels[0])

        batches = requests(options.interactions)
        idle = processor_seconds(stack.data_dir)
        started = time.perf_counter()
        calls = await record(channels, batches, options.in_flight)
        recorded = time.perf_counter()
        await drained(channels[0])
        published = time.perf_counter()
        processors = used(idle, processor_seconds(stack.data_dir))
        await record(channels, batches, options.in_flight)
        repeated = time.perf_counter()

    recorded_rate = round(options.interactions / (recorded - started))
    published_rate = round(options.interactions / (published - started))
    return {
        "machine": before,
        **asdict(options),
        "recorded_per_second": recorded_rate,
        "published_per_second": published_rate,
        "duplicates_per_second": round(options.interactions / (repeated - published)),
        "call_p50_ms": percentile(calls, 0.5),
        "call_p99_ms": percentile(calls, 0.99),
        "processor_seconds": processors,
        "raw": asdict(raw),
        "recorded_to_raw_insert": round(recorded_rate / raw.insert_many_per_second, 2),
        "published_to_raw_produce": round(published_rate / raw.produce_per_second, 2),
    }


async def register(channel: grpc.aio.Channel) -> None:
    """Registers the source of all benchmarks."""
    source = source_pb2.Source(source_id=SOURCE, purpose="measuring", enabled=True)
    await source_service_pb2_grpc.SourceServiceStub(channel).RegisterSource(
        source_service_pb2.RegisterSourceRequest(source=source)
    )


async def record(
    channels: Sequence[grpc.aio.Channel],
    batches: Sequence[interaction_service_pb2.RecordInteractionsRequest],
    in_flight: int,
) -> list[float]:
    """Sends every batch once and returns the seconds of each call."""
    waiting, seconds = iter(batches), list[float]()

    async def caller(channel: grpc.aio.Channel) -> None:
        stub = interaction_service_pb2_grpc.InteractionServiceStub(channel)
        for batch in waiting:
            begun = time.perf_counter()
            answer = await stub.RecordInteractions(batch, timeout=30)
            seconds.append(time.perf_counter() - begun)
            if answer.refused:
                raise RuntimeError(f"refused: {answer.results[0].error.message}")

    await asyncio.gather(*(caller(channel) for channel in channels for _ in range(in_flight)))
    return seconds


async def drained(channel: grpc.aio.Channel) -> None:
    """Returns when everything is published."""
    stub = operations_service_pb2_grpc.OperationsServiceStub(channel)
    while True:
        status = await stub.GetStatus(operations_service_pb2.GetStatusRequest())
        if not status.shards:
            raise RuntimeError("the service knows no shard")
        if not any(shard.unpublished for shard in status.shards):
            return
        await asyncio.sleep(0.01)


def main() -> None:
    default = Options()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interactions", type=int, default=default.interactions)
    parser.add_argument("--connections", type=int, default=default.connections)
    parser.add_argument("--in-flight", type=int, default=default.in_flight)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    options = Options(interactions=given.interactions, connections=given.connections, in_flight=given.in_flight)
    show(uvloop.run(run(options)), as_json=given.json)


if __name__ == "__main__":
    main()
