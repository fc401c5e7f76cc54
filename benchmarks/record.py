"""Interactions a second from a client's batch to the database and to the topic, beside the raw limits of both.

python -m benchmarks.record [--interactions N] [--connections N] [--in-flight N] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import uvloop
from acquaint.interactions.v1 import (
    interaction_pb2,
    interaction_service_pb2,
    interaction_service_pb2_grpc,
    source_pb2,
    source_service_pb2,
    source_service_pb2_grpc,
)
from acquaint.operations.v1 import operations_service_pb2, operations_service_pb2_grpc
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.devstack.service import SERVICES
from services.devstack.supervisor import Stack, StackOptions
from services.platform.auth import development_token
from services.platform.envelope import Stamp
from services.platform.log import KafkaLog, LogRecord
from services.platform.mongo import Database, Document
from services.platform.rpc import connect
from services.platform.settings import KafkaSettings, MongoSettings

BATCH = 1000
SOURCE = "benchmark"
PEOPLE = 1000
RAW_TOPIC = "benchmark.raw"
RAW_BATCH = 2500


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much is sent, over how many connections, with how many calls at a time on each."""

    interactions: int = 120_000
    connections: int = 2
    in_flight: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Rates are interactions (documents, records) a second; `published` is from the first call to an empty outbox."""

    interactions: int
    connections: int
    in_flight: int
    recorded_per_second: int
    published_per_second: int
    duplicates_per_second: int
    call_p50_ms: float
    call_p99_ms: float
    raw_insert_per_second: int
    raw_produce_per_second: int
    recorded_to_raw_insert: float
    published_to_raw_produce: float


def interactions(count: int) -> Iterator[interaction_pb2.Interaction]:
    """Messages of one person to one to three others; always the same people, never the same ids."""
    draw, run = random.Random(7), uuid.uuid4().hex[:8]
    for number in range(count):
        initiator, *others = draw.sample(range(PEOPLE), draw.choice((2, 2, 3, 4)))
        message = interaction_pb2.Interaction(
            interaction_id=f"{run}-{number}",
            source=SOURCE,
            type=interaction_pb2.INTERACTION_TYPE_MESSAGE,
            initiator_id=f"person-{initiator:05}",
            participant_ids=[f"person-{each:05}" for each in others],
        )
        message.time.seconds = 1_700_000_000 + number
        yield message


def requests(count: int) -> list[interaction_service_pb2.RecordInteractionsRequest]:
    """The same in batches."""
    everything = list(interactions(count))
    return [
        interaction_service_pb2.RecordInteractionsRequest(interactions=everything[begin : begin + BATCH])
        for begin in range(0, count, BATCH)
    ]


async def run(options: Options) -> Result:
    """Starts a stack of its own with the one service, measures, and leaves nothing behind."""
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(TemporaryDirectory(prefix="acquaint-benchmark-"))
        local = Stack(
            StackOptions(
                data_dir=Path(directory),
                restart=False,
                usual_ports=False,
                services=[spec for spec in SERVICES if spec.name == "interactions"],
            )
        )
        await stack.enter_async_context(local)
        raw_insert = await raw_inserts(local.database.uri, options)
        raw_produce = await raw_produces(local.broker.bootstrap, options)
        token = development_token(local.development_key, roles=("client", "operator"))
        channels = [
            await stack.enter_async_context(connect(local.address("interactions"), token=lambda: token))
            for _ in range(options.connections)
        ]
        await register(channels[0])
        await record(channels, requests(10 * BATCH), options.in_flight)  # warm
        await drained(channels[0])

        batches = requests(options.interactions)
        started = time.perf_counter()
        calls = await record(channels, batches, options.in_flight)
        recorded = time.perf_counter()
        await drained(channels[0])
        published = time.perf_counter()
        await record(channels, batches, options.in_flight)
        repeated = time.perf_counter()

    calls.sort()
    recorded_rate = options.interactions / (recorded - started)
    published_rate = options.interactions / (published - started)
    return Result(
        interactions=options.interactions,
        connections=options.connections,
        in_flight=options.in_flight,
        recorded_per_second=round(recorded_rate),
        published_per_second=round(published_rate),
        duplicates_per_second=round(options.interactions / (repeated - published)),
        call_p50_ms=round(1000 * calls[len(calls) // 2], 1),
        call_p99_ms=round(1000 * calls[int(len(calls) * 0.99)], 1),
        raw_insert_per_second=round(raw_insert),
        raw_produce_per_second=round(raw_produce),
        recorded_to_raw_insert=round(recorded_rate / raw_insert, 2),
        published_to_raw_produce=round(published_rate / raw_produce, 2),
    )


async def register(channel: grpc.aio.Channel) -> None:
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
        if all(
            shard.unpublished == 0 and shard.published_through + 1 == shard.next_sequence for shard in status.shards
        ):
            return
        await asyncio.sleep(0.01)


async def raw_inserts(uri: str, options: Options) -> float:
    """Documents a second by insert_many alone: as many writers as calls, no index but the ids."""
    database = Database.connect(MongoSettings(uri=uri), "benchmark_raw")
    collection = database.collection("documents")
    documents: list[Document] = [
        {
            "_id": f"{each.source}/{each.interaction_id}",
            "hash": each.interaction_id.encode()[:16].ljust(16),
            "at": each.time.seconds * 1_000_000,
            "people": [each.initiator_id, *each.participant_ids],
            "type": each.type,
        }
        for each in interactions(options.interactions)
    ]
    batches = iter([documents[begin : begin + BATCH] for begin in range(0, len(documents), BATCH)])

    async def writer() -> None:
        for batch in batches:
            await collection.insert_many(batch, ordered=False)

    try:
        return await rate(
            options.interactions,
            lambda: asyncio.gather(*(writer() for _ in range(options.connections * options.in_flight))),
        )
    finally:
        await database.drop()
        await database.close()


async def raw_produces(bootstrap: str, options: Options) -> float:
    """Records a second by send_batch alone: explicit batches, one outstanding, the headers of a fact."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(RAW_TOPIC, 1, 1)])
    await admin.close()
    stamp = Stamp("benchmark")
    values = [
        (f"{SOURCE}/{each.interaction_id}", each.SerializeToString()) for each in interactions(options.interactions)
    ]
    writer = await KafkaLog(KafkaSettings(bootstrap=bootstrap)).open()

    async def produce() -> None:
        for begin in range(0, len(values), RAW_BATCH):
            batch = enumerate(values[begin : begin + RAW_BATCH], begin + 1)
            kind = "acquaint.interactions.v1.InteractionRecorded"
            await writer.send(
                RAW_TOPIC, 0, (LogRecord(None, value, stamp.headers(id, kind, number)) for number, (id, value) in batch)
            )

    try:
        return await rate(options.interactions, produce)
    finally:
        await writer.abandon()


async def rate(count: int, work: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await work()
    return count / (time.perf_counter() - started)


def main() -> None:
    default = Options()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--interactions", type=int, default=default.interactions)
    parser.add_argument("--connections", type=int, default=default.connections)
    parser.add_argument("--in-flight", type=int, default=default.in_flight)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    options = Options(interactions=given.interactions, connections=given.connections, in_flight=given.in_flight)
    result = asdict(uvloop.run(run(options)))
    if given.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            print(f"{name.replace('_', ' '):34} {value:>12,}")


if __name__ == "__main__":
    main()
