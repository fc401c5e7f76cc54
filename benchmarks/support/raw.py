"""The raw limits that figures are compared with: the database, the broker and gRPC with nothing of ours on top."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.support.events import BATCH, SOURCE, interactions
from benchmarks.support.figures import percentile
from services.platform.envelope import Stamp
from services.platform.log import KafkaLog, LogRecord
from services.platform.mongo import Database, Document
from services.platform.settings import KafkaSettings, MongoSettings

TOPIC = "benchmark.raw"
RECORDS_PER_BATCH = 2500
KIND = "acquaint.interactions.v1.InteractionRecorded"
METHOD = "/benchmark.Echo/Empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Documents, records, records and calls a second, and the time of one call in milliseconds."""

    insert_many_per_second: int
    produce_per_second: int
    consume_per_second: int
    empty_calls_per_second: int
    empty_call_p50_ms: float
    empty_call_p99_ms: float


async def limits(uri: str, bootstrap: str, *, count: int = 60_000) -> Limits:
    """All of them, with `count` documents and records."""
    p50, p99, calls = await empty_calls()
    return Limits(
        insert_many_per_second=await inserts(uri, count),
        produce_per_second=await produces(bootstrap, count),
        consume_per_second=await consumes(bootstrap, count),
        empty_calls_per_second=calls,
        empty_call_p50_ms=p50,
        empty_call_p99_ms=p99,
    )


async def inserts(uri: str, count: int, *, writers: int = 4) -> int:
    """Documents a second by insert_many alone, majority and journaled, no index but the ids."""
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
        for each in interactions(count)
    ]
    batches = iter([documents[begin : begin + BATCH] for begin in range(0, len(documents), BATCH)])

    async def writer() -> None:
        for batch in batches:
            await collection.insert_many(batch, ordered=False)

    try:
        return await rate(count, lambda: asyncio.gather(*(writer() for _ in range(writers))))
    finally:
        await database.drop()
        await database.close()


async def produces(bootstrap: str, count: int) -> int:
    """Records a second by send_batch alone: explicit batches, one outstanding, the headers of a fact."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, 1, 1)])
    await admin.close()
    stamp = Stamp(SOURCE)
    values = [(f"{SOURCE}/{each.interaction_id}", each.SerializeToString()) for each in interactions(count)]
    writer = await KafkaLog(KafkaSettings(bootstrap=bootstrap)).open()

    async def produce() -> None:
        for begin in range(0, len(values), RECORDS_PER_BATCH):
            batch = enumerate(values[begin : begin + RECORDS_PER_BATCH], begin + 1)
            records = (LogRecord(None, value, stamp.headers(id, KIND, number)) for number, (id, value) in batch)
            await writer.send(TOPIC, 0, records)

    try:
        return await rate(count, produce)
    finally:
        await writer.abandon()


async def consumes(bootstrap: str, count: int) -> int:
    """Records a second by getmany alone, of what `produces` wrote."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, max_partition_fetch_bytes=4_000_000
    )
    await consumer.start()
    place = TopicPartition(TOPIC, 0)
    consumer.assign([place])
    await consumer.seek_to_beginning(place)

    async def consume() -> None:
        read = 0
        while read < count:
            read += sum(len(batch) for batch in (await consumer.getmany(timeout_ms=1000, max_records=5000)).values())

    try:
        return await rate(count, consume)
    finally:
        await consumer.stop()


@asynccontextmanager
async def echo_server() -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a bare server in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.support.echo", METHOD, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        process.terminate()
        await process.wait()


async def empty_calls(count: int = 2000, *, at_once: int = 8) -> tuple[float, float, int]:
    """p50 and p99 in milliseconds of one call after the other, and calls a second with several at a time."""
    async with echo_server() as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        for _ in range(100):
            await call(b"", timeout=5)
        seconds = []
        for _ in range(count):
            begun = time.perf_counter()
            await call(b"", timeout=5)
            seconds.append(time.perf_counter() - begun)
        waiting = iter(range(count))

        async def caller() -> None:
            for _ in waiting:
                await call(b"", timeout=5)

        calls = await rate(count, lambda: asyncio.gather(*(caller() for _ in range(at_once))))
    return percentile(seconds, 0.5), percentile(seconds, 0.99), calls


async def rate(count: int, work: Callable[[], Awaitable[object]]) -> int:
    """How many of `count` pieces of work are done in a second."""
    started = time.perf_counter()
    await work()
    return round(count / (time.perf_counter() - started))
