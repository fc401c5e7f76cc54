"""The command: wait until nothing is on its way, read every store by itself, and print a row for each difference."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

import grpc
import typer
from acquaint.interactions.v1 import interaction_service_pb2
from acquaint.notifications.v1 import inbox_service_pb2, notification_pb2
from acquaint.operations.v1 import operations_service_pb2
from acquaint.recommendations.v1 import introduction_service_pb2

from services.cli.connection import Clients, StackAddress, clients, find
from services.cli.output import AsJson, DataDir, print_json, print_table, run
from services.cli.verify.digests import Digest
from services.cli.verify.reading import read_journal, read_topic
from services.platform.consumer import PositionLost
from services.platform.errors import DependencyUnavailable

app = typer.Typer()
PAGE = 1000
TIMEOUT = 300.0
AWAY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
ENDED_OR_WAITING = {
    notification_pb2.NOTIFICATION_STATUS_SCHEDULED,
    notification_pb2.NOTIFICATION_STATUS_SENT,
    notification_pb2.NOTIFICATION_STATUS_SUPPRESSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that does not agree: what was looked at, and how it differs."""

    what: str
    found: str


async def pending(stubs: Clients) -> list[Difference]:
    """What is still on its way: unpublished records, consumers behind, relays that refuse, a graph that lags."""
    found = []
    for name, stub in stubs.operations.items():
        try:
            status = await stub.GetStatus(operations_service_pb2.GetStatusRequest())
        except grpc.aio.AioRpcError as error:
            if error.code() not in AWAY:
                raise
            found.append(Difference(what=name, found="does not answer"))
            continue
        for shard in status.shards:
            where = f"{name}: outbox of {shard.topic}/{shard.shard}"
            if shard.refusal:
                found.append(Difference(what=where, found=f"does not publish: {shard.refusal}"))
            if shard.unpublished:
                found.append(Difference(what=where, found=f"{shard.unpublished} records not published"))
        for consumer in status.consumers:
            where = f"{name}: consumer of {consumer.topic}"
            if consumer.paused:
                found.append(Difference(what=where, found="paused: too much could not be read"))
            if consumer.lag:
                found.append(Difference(what=where, found=f"{consumer.lag} records behind"))
        if not status.ready:
            found.append(Difference(what=name, found="is not ready"))
    if found:
        return found
    graph = await stubs.introductions.GetDigest(introduction_service_pb2.GetDigestRequest(), timeout=TIMEOUT)
    if graph.position.lag:
        found.append(Difference(what="recommendations: graph", found=f"{graph.position.lag} records not folded"))
    return found


async def settle(stubs: Clients, seconds: float) -> list[Difference]:
    """Wait at most `seconds` until nothing is on its way; returns what still is.

    Consumers tell what they saw last, and look again because they were asked: so it takes two answers.
    """
    deadline = time.monotonic() + seconds
    quiet = 0
    while True:
        try:
            found = await pending(stubs)
        except grpc.aio.AioRpcError as error:
            if error.code() not in AWAY:
                raise
            found = [Difference(what="a service", found="went away while it was asked")]
        quiet = 0 if found else quiet + 1
        if quiet == 2 or (found and time.monotonic() > deadline):
            return found
        await asyncio.sleep(0.1)


def compare(what: str, found: Digest, expected: Digest) -> list[Difference]:
    """A difference if the digests differ."""
    text = found.differs(expected)
    return [Difference(what=what, found=text)] if text else []


async def stores(stubs: Clients, address: StackAddress) -> tuple[list[Difference], dict[str, Any]]:
    """Compare documents, journal, topic and fold."""
    topic = await read_topic(address.kafka)
    own = await stubs.interactions.GetDigest(interaction_service_pb2.GetDigestRequest(), timeout=TIMEOUT)
    first = topic.first(own.published_through)
    journal = await read_journal(stubs.interactions, first)
    graph = await stubs.introductions.GetDigest(introduction_service_pb2.GetDigestRequest(), timeout=TIMEOUT)
    documents = Digest(count=own.documents.count, id_sum=own.documents.id_sum)
    rows = Digest(count=own.journal.count, id_sum=own.journal.id_sum)
    fold = Digest(count=graph.fold_count, id_sum=graph.fold_id_sum)
    found = [
        *(Difference(what="journal", found=fault) for fault in (*own.journal_faults, *journal.faults)),
        *(Difference(what="topic", found=fault) for fault in topic.faults),
        *compare("journal, as streamed, against the documents", journal.whole, documents),
        *compare("journal, as stored, against the documents", rows, documents),
        *compare("topic against the journal from its first sequence on", topic.digest, journal.tail),
        *compare("graph against the journal", fold, journal.folded),
    ]
    if graph.position.sequence != journal.end:
        text = f"stands at {graph.position.sequence}, the journal ends at {journal.end}"
        found.append(Difference(what="graph", found=text))
    held = {
        "documents": documents.count,
        "journal": journal.whole.count,
        "topic": topic.digest.count,
        "topic_first_sequence": first,
        "graph": fold.count,
        "end_sequence": journal.end,
    }
    return found, held


async def issued(stubs: Clients) -> AsyncIterator[list[introduction_service_pb2.MessageReference]]:
    """Every message that recommendations handed to notifications, in pages."""
    page: list[introduction_service_pb2.MessageReference] = []
    stream = stubs.introductions.StreamIssuedMessages(
        introduction_service_pb2.StreamIssuedMessagesRequest(), timeout=TIMEOUT
    )
    async for chunk in stream:
        page += chunk.messages
        while len(page) >= PAGE:
            yield page[:PAGE]
            page = page[PAGE:]
    if page:
        yield page


async def delivered(
    stubs: Clients, page: list[introduction_service_pb2.MessageReference], deadline: float
) -> list[inbox_service_pb2.Delivery]:
    """What became of each message, in order, once all have arrived or the deadline passed.

    Others go on being issued while this looks: the newest may still be on its way.
    """
    request = inbox_service_pb2.CheckDeliveriesRequest(message_ids=[message.message_id for message in page])
    while True:
        response = await stubs.inbox.CheckDeliveries(request, timeout=TIMEOUT)
        if all(each.notifications for each in response.deliveries) or time.monotonic() > deadline:
            return list(response.deliveries)
        await asyncio.sleep(0.1)


async def messages(stubs: Clients, seconds: float) -> tuple[list[Difference], dict[str, int]]:
    """Every issued message has notifications, and each of these is sent, scheduled or suppressed with a cause.

    One that has none is waited for, `seconds` in all.
    """
    found: list[Difference] = []
    counts = {"messages": 0, "notifications": 0}
    deadline = time.monotonic() + seconds
    async for page in issued(stubs):
        for message, delivery in zip(page, await delivered(stubs, page, deadline), strict=True):
            counts["messages"] += 1
            counts["notifications"] += len(delivery.notifications)
            what = f"message {message.message_id}"
            if not delivery.notifications:
                found.append(Difference(what=what, found="has no notification"))
            for notification in delivery.notifications:
                status = notification_pb2.NotificationStatus.Name(notification.status)
                suppressed = notification.status == notification_pb2.NOTIFICATION_STATUS_SUPPRESSED
                if notification.recipient_id != message.recipient_id:
                    found.append(Difference(what=what, found="went to somebody else"))
                if notification.status not in ENDED_OR_WAITING or (suppressed and not notification.suppression):
                    found.append(Difference(what=what, found=f"{notification.notification_id} is {status}"))
    return found, counts


async def check(address: StackAddress, wait: float) -> dict[str, Any]:
    """The whole verification as plain data. Raises AioRpcError, TimeoutError, DependencyUnavailable, PositionLost."""
    began = time.monotonic()
    async with clients(address) as stubs:
        found = await settle(stubs, wait)
        if found:
            return report(found, {}, began)
        compared, held = await stores(stubs, address)
        undelivered, counts = await messages(stubs, wait)
    return report([*compared, *undelivered], held | counts, began)


def report(differences: list[Difference], held: dict[str, Any], began: float) -> dict[str, Any]:
    """What was found, as plain data."""
    return {
        "clean": not differences,
        "held": held,
        "differences": [{"what": each.what, "found": each.found} for each in differences],
        "seconds": round(time.monotonic() - began, 3),
    }


@app.command()
def verify(
    wait: Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for what is on its way.")] = 30.0,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Compare documents, journal, topic, graph and messages, each read from itself. Exit code 1 on any difference."""

    async def body() -> dict[str, Any]:
        try:
            return await check(find(data_dir), wait)
        except (TimeoutError, DependencyUnavailable, PositionLost) as error:
            found = f"cannot be read: {error}" if str(error) else "cannot be read in time"
            return {"clean": False, "held": {}, "differences": [{"what": "topic", "found": found}]}

    found = run(body())
    if as_json:
        print_json(found)
    else:
        held = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in found["held"].items())
        typer.echo(held)
        if found["differences"]:
            rows = [(each["what"], each["found"]) for each in found["differences"]]
            print_table("differences", ["what", "found"], rows)
        else:
            typer.echo("clean: nothing lost, nothing counted twice, nothing on its way")
    raise typer.Exit(0 if found["clean"] else 1)
