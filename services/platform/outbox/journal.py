"""The rows of a topic read as its journal: every record by its sequence, contiguous from 1, published or not yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.platform.mongo import ASCENDING, DESCENDING, Database, Document
from services.platform.outbox.documents import ROWS, SEQUENCE, SHARDS, UNPUBLISHED
from services.platform.outbox.ports import JournalBroken, Shard
from services.platform.topics import PartitionsDiffer, Topic

_FIELDS = {"first_sequence": 1, "count": 1, "type": 1, "ids": 1, "keys": 1, "values": 1}
_RECORDS_PER_QUERY = 20_000


class JournalRecord(NamedTuple):
    """One record. A value of None is a tombstone: what stood there was erased, its sequence was not."""

    sequence: int
    id: str
    type: str
    key: str | None
    value: bytes | None


class Journal:
    """The journal of one shard."""

    def __init__(self, database: Database, topic: Topic, shard: int = 0) -> None:
        if not 0 <= shard < topic.partitions:
            raise PartitionsDiffer(topic.name, topic.partitions, shard + 1)
        self._shard = Shard(topic=topic.name, partition=shard)
        self._rows = database.collection(ROWS)
        self._shards = database.collection(SHARDS)

    async def read(self, after: int, limit: int) -> list[JournalRecord]:
        """At most `limit` records from sequence `after` + 1 on, as a majority holds them; empty at the end.

        Raises JournalBroken where a record is missing before the journal's end. In journals that are not kept for
        ever the oldest rows expire, which is the same.
        """
        wanted = after + 1
        records: list[JournalRecord] = []
        while len(records) < limit:
            most = min(limit - len(records), _RECORDS_PER_QUERY)
            rows = await self._rows_from(wanted, most)
            if not rows:
                if wanted > await self._numbered_through():
                    break
                # Numbered since the query, or missing: looked for once more before it is called missing.
                rows = await self._rows_from(wanted, most)
                if not rows:
                    raise JournalBroken(f"{self._shard.id}: {wanted} is missing")
            for row in rows:
                first = row["first_sequence"]
                if first > wanted:
                    raise JournalBroken(f"{self._shard.id}: {wanted} is missing, the next is {first}")
                found = _records(row)
                records += found if first == wanted else found[wanted - first :]
                wanted = first + row["count"]
        return records[:limit]

    async def end(self) -> int:
        """The last sequence given out, 0 for none, by a linearizable read: nobody knew a higher one before."""
        return await self._numbered_through(linearizable=True)

    async def lag(self) -> int:
        """Records that are not marked as published, numbered or not."""
        counted = await self._rows.aggregate(
            [
                {"$match": {"unpublished": True, "shard": self._shard.id}},
                {"$project": {"_id": 0, "count": 1}},
                {"$group": {"_id": None, "records": {"$sum": "$count"}}},
            ],
            hint=UNPUBLISHED,
        )
        return int(counted[0]["records"]) if counted else 0

    async def published_through(self) -> int:
        """The last sequence that is published with all before it, 0 for none."""
        found = await self._shards.find_one({"_id": self._shard.id}, {"published_through": 1})
        return 0 if found is None else int(found["published_through"])

    async def _numbered_through(self, *, linearizable: bool = False) -> int:
        found = await self._shards.find_one({"_id": self._shard.id}, {"next_sequence": 1}, linearizable=linearizable)
        return 0 if found is None else int(found["next_sequence"]) - 1

    async def _rows_from(self, sequence: int, most: int) -> Sequence[Document]:
        """The rows that hold `sequence` and what follows it, up to `most` records, in order."""
        rows = await self._find({"$gte": sequence, "$lt": sequence + most}, ASCENDING)
        if rows and rows[0]["first_sequence"] == sequence:
            return rows
        before = await self._find({"$gt": 0, "$lt": sequence}, DESCENDING, limit=1)
        return [*(row for row in before if row["first_sequence"] + row["count"] > sequence), *rows]

    async def _find(self, first: Mapping[str, int], order: int, limit: int = 0) -> list[Document]:
        chosen = {"shard": self._shard.id, "first_sequence": {"$gt": 0, **first}}
        sort = [("first_sequence", order)]
        return await self._rows.find(chosen, _FIELDS, sort=sort, limit=limit, hint=SEQUENCE)


def _records(row: Document) -> list[JournalRecord]:
    first, count, type = row["first_sequence"], row["count"], row["type"]
    types = [type] * count if isinstance(type, str) else type
    keys = row.get("keys") or [None] * count
    numbers = range(first, first + count)
    return list(map(JournalRecord._make, zip(numbers, row["ids"], types, keys, row["values"], strict=True)))
