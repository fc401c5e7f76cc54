"""Rows and shards as documents, the indexes that find them by state, and the number of shards kept for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from services.platform.mongo import ASCENDING, Document, Index
from services.platform.outbox.ports import Shard, ShardState
from services.platform.outbox.rows import Columns, Row

ROWS = "outbox"
SHARDS = "outbox_shards"
TOPICS = "outbox_topics"

UNNUMBERED = "unnumbered"
UNPUBLISHED = "unpublished"
SEQUENCE = "sequence"
EXPIRY = "expiry"


def indexes(kept: timedelta) -> Mapping[str, Sequence[Index]]:
    """The collections of an outbox; published rows of topics without an eternal journal go after `kept`."""
    rows = [
        # Lowest version first; never by id or time: two writers' clocks disagree.
        Index(
            name=UNNUMBERED,
            keys=[("shard", ASCENDING), ("version", ASCENDING), ("part", ASCENDING)],
            partial={"unnumbered": True},
        ),
        # Holds all that counting the backlog and cutting a batch need, so that neither reads a row.
        Index(
            name=UNPUBLISHED,
            keys=[(name, ASCENDING) for name in ("unpublished", "shard", "first_sequence", "count", "size")],
            partial={"unpublished": True},
        ),
        Index(
            name=SEQUENCE,
            keys=[("shard", ASCENDING), ("first_sequence", ASCENDING)],
            unique=True,
            partial={"first_sequence": {"$gt": 0}},
        ),
        # Only marked rows have `published_at`, and rows that are kept for ever are not in this index at all.
        Index(name=EXPIRY, keys=[("published_at", ASCENDING)], partial={"forever": False}, expire_after=kept),
    ]
    return {ROWS: rows, SHARDS: [], TOPICS: []}


def row_document(
    *, id: str, shard: Shard, version: int, part: int, aggregate: str | None, forever: bool, columns: Columns
) -> Document:
    """A new row: without a number, unpublished. `first_sequence` 0 keeps it out of the index of sequences."""
    document: Document = {
        "_id": id,
        "shard": shard.id,
        "first_sequence": 0,
        "count": len(columns.ids),
        "size": columns.size,
        "version": version,
        "part": part,
        "unnumbered": True,
        "unpublished": True,
        "forever": forever,
        "type": columns.types,
        "ids": columns.ids,
        "values": columns.values,
    }
    if columns.keys is not None:
        document["keys"] = columns.keys
    if columns.traceparents:
        document["traceparents"] = {str(place): text for place, text in columns.traceparents.items()}
    if aggregate is not None:
        document["aggregate"] = aggregate
    return document


def row_from(document: Mapping[str, Any]) -> Row:
    """The row of a document that has its number."""
    return Row(
        id=document["_id"],
        first_sequence=document["first_sequence"],
        columns=Columns(
            ids=document["ids"],
            types=document["type"],
            keys=document.get("keys"),
            values=document["values"],
            traceparents={int(place): text for place, text in document.get("traceparents", {}).items()},
            size=document["size"],
        ),
    )


def shard_document(shard: Shard) -> Document:
    """A shard nobody has ever published."""
    return {
        "topic": shard.topic,
        "partition": shard.partition,
        "epoch": 0,
        "renewals": 0,
        "released": True,
        "next_sequence": 1,
        "published_through": 0,
    }


def state_from(document: Mapping[str, Any]) -> ShardState:
    """The state of a shard's document."""
    return ShardState(
        shard=Shard(topic=document["topic"], partition=document["partition"]),
        epoch=document["epoch"],
        renewals=document["renewals"],
        released=document["released"],
        next_sequence=document["next_sequence"],
        published_through=document["published_through"],
    )
