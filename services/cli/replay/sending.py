"""Batches of interactions on their way: a few in flight, each repeated until it is acknowledged, none lost or doubled.

A service or broker that goes away during the replay only delays it: ids are the file's, so a repeat is a duplicate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from acquaint.interactions.v1 import interaction_pb2, interaction_service_pb2

from services.cli.output import CommandFailed, describe
from services.cli.replay.reading import Event
from services.platform.errors import from_rpc_error, from_status

if TYPE_CHECKING:  # this name exists for the type checker only
    from acquaint.interactions.v1.interaction_service_pb2_grpc import InteractionServiceAsyncStub

SOURCE = "replay"
BATCH = 1000
PARTICIPATIONS = 20_000
# Of a call's 2 MiB; an interaction's own fields take less than FIELD_BYTES beside the ids of its people.
CALL_BYTES = 2_000_000
FIELD_BYTES = 160
IN_FLIGHT = 5
PATIENCE_SECONDS = 180.0
PASSING = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
}


@dataclass(slots=True, kw_only=True)
class Sent:
    """What was acknowledged. `accepted` and `duplicates` count rows, `interactions` counts interactions."""

    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    interactions: int = 0


def to_proto(event: Event, run: str, shift: int) -> interaction_pb2.Interaction:
    """The interaction of an event; `shift` is added to its time."""
    interaction = interaction_pb2.Interaction(
        interaction_id=f"{run}-{event.line}",
        source=SOURCE,
        type=interaction_pb2.INTERACTION_TYPE_MESSAGE,
        initiator_id=event.initiator,
        participant_ids=event.participants,
    )
    interaction.time.seconds = event.time + shift
    return interaction


def batches(events: Iterable[Event], most: int = BATCH) -> Iterator[list[Event]]:
    """Events in batches that a call takes, `most` at most."""
    batch: list[Event] = []
    people = size = 0
    for event in events:
        length = FIELD_BYTES + len(event.initiator) + sum(map(len, event.participants)) + 3 * event.rows
        if batch and (len(batch) == most or people + event.rows + 1 > PARTICIPATIONS or size + length > CALL_BYTES):
            yield batch
            batch, people, size = [], 0, 0
        batch.append(event)
        people += event.rows + 1
        size += length
    if batch:
        yield batch


async def record(
    stub: InteractionServiceAsyncStub, request: interaction_service_pb2.RecordInteractionsRequest
) -> interaction_service_pb2.RecordInteractionsResponse:
    """Record one batch, again and again for three minutes while nobody answers. Raises CommandFailed or AioRpcError."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + PATIENCE_SECONDS
    pause = 0.1
    while True:
        try:
            return await stub.RecordInteractions(request, timeout=30)
        except grpc.aio.AioRpcError as error:
            if error.code() not in PASSING or clock() > deadline:
                raise
            wait = from_rpc_error(error).retry_after or pause
        await asyncio.sleep(wait)
        pause = min(2 * pause, 2.0)


async def send(
    stub: InteractionServiceAsyncStub, events: Iterable[Event], run: str, shift: int, advance: Callable[[int], None]
) -> Sent:
    """Record all events; `advance` is told the rows of each acknowledged batch.

    Raises CommandFailed when an interaction is refused, AioRpcError when nobody answers for three minutes.
    """
    sent = Sent()
    waiting: set[asyncio.Task[None]] = set()

    async def one(batch: list[Event]) -> None:
        request = interaction_service_pb2.RecordInteractionsRequest(
            interactions=[to_proto(event, run, shift) for event in batch]
        )
        count(sent, batch, await record(stub, request))
        advance(sum(event.rows for event in batch))

    try:
        for batch in batches(events):
            waiting.add(asyncio.create_task(one(batch)))
            if len(waiting) >= IN_FLIGHT:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        await asyncio.gather(*waiting)
    finally:
        for task in waiting:
            task.cancel()
    return sent


def count(sent: Sent, batch: list[Event], response: interaction_service_pb2.RecordInteractionsResponse) -> None:
    """Add what became of a batch. Raises CommandFailed for a refused interaction."""
    results = response.results or [None] * len(batch)
    for event, result in zip(batch, results, strict=True):
        sent.rows += event.rows
        sent.interactions += 1
        if result is None or result.outcome == interaction_service_pb2.RECORD_OUTCOME_ACCEPTED:
            sent.accepted += event.rows
        elif result.outcome == interaction_service_pb2.RECORD_OUTCOME_DUPLICATE:
            sent.duplicates += event.rows
        else:
            raise CommandFailed(f"line {event.line} was refused: {describe(from_status(result.error))}")
