"""The relay's two ports on MongoDB: leases as conditional updates, numbering as one majority transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from services.platform.mongo import ASCENDING, Database, DatabaseError, Document, Session, UpdateOne, Write
from services.platform.outbox.documents import ROWS, SHARDS, UNNUMBERED, UNPUBLISHED, row_from, state_from
from services.platform.outbox.ports import LeaseLost, Numbered, Shard, ShardState
from services.platform.outbox.rows import Row

# Most rows looked at for one read; small rows are many to a batch.
_ROWS_PER_READ = 2000


class MongoLeaseStore:
    """`LeaseStore` on one document per shard."""

    def __init__(self, database: Database) -> None:
        self._shards = database.collection(SHARDS)

    async def states(self) -> Sequence[ShardState]:
        return [state_from(each) for each in await self._shards.find({}, sort=[("_id", ASCENDING)])]

    async def take(self, seen: ShardState) -> ShardState | None:
        unchanged = {"_id": seen.shard.id, "epoch": seen.epoch, "renewals": seen.renewals, "released": seen.released}
        change = {"$inc": {"epoch": 1, "renewals": 1}, "$set": {"released": False}}
        taken = await self._shards.find_one_and_update(unchanged, change)
        return None if taken is None else state_from(taken)

    async def renew(self, epochs: Mapping[Shard, int]) -> Collection[Shard]:
        writes: list[Write] = [
            UpdateOne({"_id": shard.id, "epoch": epoch, "released": False}, {"$inc": {"renewals": 1}})
            for shard, epoch in epochs.items()
        ]
        if (await self._shards.bulk_write(writes, ordered=False)).matched == len(epochs):
            return epochs.keys()
        return {state.shard for state in await self.states() if epochs.get(state.shard) == state.epoch}

    async def release(self, epochs: Mapping[Shard, int]) -> None:
        writes: list[Write] = [
            UpdateOne({"_id": shard.id, "epoch": epoch}, {"$set": {"released": True}})
            for shard, epoch in epochs.items()
        ]
        await self._shards.bulk_write(writes, ordered=False)


class MongoRowStore:
    """`RowStore` on the collection of rows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = database.collection(ROWS)
        self._shards = database.collection(SHARDS)

    async def waiting(self, shards: Collection[Shard]) -> Collection[Shard]:
        by_id = {shard.id: shard for shard in shards}
        found = await self._rows.distinct("shard", {"unnumbered": True, "shard": {"$in": list(by_id)}})
        return [by_id[id] for id in found]

    async def number(self, shard: Shard, epoch: int, limit: int) -> Numbered:
        async def body(session: Session) -> Numbered:
            state = await self._shards.find_one({"_id": shard.id}, session=session)
            if state is None or state["epoch"] != epoch:
                raise LeaseLost(shard.id)
            rows = await self._rows.find(
                {"unnumbered": True, "shard": shard.id},
                {"count": 1},
                sort=[("version", ASCENDING), ("part", ASCENDING)],
                limit=limit,
                hint=UNNUMBERED,
                session=session,
            )
            first = following = state["next_sequence"]
            published = state["published_through"]
            if not rows:
                return Numbered(rows=0, through=first - 1, published_through=published)
            writes: list[Write] = []
            for row in rows:
                change = {"$set": {"first_sequence": following}, "$unset": {"unnumbered": ""}}
                writes.append(UpdateOne({"_id": row["_id"], "unnumbered": True}, change))
                following += row["count"]
            # Reading the epoch fences nobody: only this write makes a paused holder's transaction conflict.
            fence = {"_id": shard.id, "epoch": epoch, "next_sequence": first}
            moved = await self._shards.update_one(fence, {"$set": {"next_sequence": following}}, session=session)
            if moved.matched != 1:
                raise LeaseLost(shard.id)
            done = await self._rows.bulk_write(writes, session=session)
            if done.matched != len(writes):
                raise DatabaseError(f"{len(writes) - done.matched} rows of {shard.id} changed while they were numbered")
            return Numbered(rows=len(rows), through=following - 1, published_through=published)

        return await self._database.transaction(body)

    async def unpublished(self, shard: Shard, limit_bytes: int) -> Sequence[Row]:
        numbered = {"unpublished": True, "shard": shard.id, "first_sequence": {"$gt": 0}}
        by_sequence = [("first_sequence", ASCENDING)]
        sizes = await self._rows.find(
            numbered,
            {"_id": 0, "first_sequence": 1, "size": 1},
            sort=by_sequence,
            limit=_ROWS_PER_READ,
            hint=UNPUBLISHED,
        )
        if not sizes:
            return []
        last, taken = sizes[0]["first_sequence"], 0
        for each in sizes:
            taken += each["size"]
            if taken > limit_bytes:
                break
            last = each["first_sequence"]
        numbered["first_sequence"] = {"$gt": 0, "$lte": last}
        found: list[Document] = await self._rows.find(numbered, sort=by_sequence, hint=UNPUBLISHED)
        return [row_from(each) for each in found]

    async def mark(self, shard: Shard, rows: Sequence[Row]) -> None:
        change = {"$unset": {"unpublished": ""}, "$currentDate": {"published_at": True}}
        writes: list[Write] = [
            UpdateOne({"_id": row.id, "first_sequence": row.first_sequence, "unpublished": True}, change)
            for row in rows
        ]
        await self._shards.update_one({"_id": shard.id}, {"$max": {"published_through": rows[-1].last_sequence}})
        await self._rows.bulk_write(writes)

    async def next_sequence(self, shard: Shard) -> int:
        found = await self._shards.find_one({"_id": shard.id})
        return 1 if found is None else int(found["next_sequence"])
