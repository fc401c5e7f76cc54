"""A group's offsets live in the service's database and move in the transaction of the effects, or not at all.

Every move is conditional on the old position: whoever lost a partition cannot move it, nor commit what belongs to it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from services.platform.mongo import Database, Document, Session, UpdateOne, Write

COLLECTION = "consumer_offsets"


class Fenced(Exception):
    """Another owner moved these offsets, or the topic began another generation: read the positions again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The first offset a partition still holds, and the one its next record gets."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """The next offset to handle per partition, as stored, in one generation of the topic."""

    generation: int
    next: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The positions of some partitions before and after a batch."""

    generation: int
    before: Mapping[int, int]
    after: Mapping[int, int]


class Offsets:
    """The stored positions of one subscription."""

    def __init__(self, database: Database, group: str, topic: str) -> None:
        self._database, self._group, self._topic = database, group, topic
        self._collection = database.collection(COLLECTION)

    async def load(self, partitions: Collection[int]) -> Positions:
        """The positions of these partitions, created at 0 where there are none."""
        positions = await self._read()
        if missing := set(partitions) - set(positions.next):
            for partition in sorted(missing):
                fresh = self._document(partition, positions.generation)
                await self._collection.update_one({"_id": fresh["_id"]}, {"$setOnInsert": fresh}, upsert=True)
            positions = await self._read()
        return positions

    async def begin_generation(self, after: int) -> Positions:
        """Raises the topic's generation, unless another owner has: every partition starts again at 0, for all owners.

        To be called when an end, asked for after the positions were read, lies below one of them: the topic was
        emptied or made anew.
        """
        mine = {"group": self._group, "topic": self._topic, "generation": after}

        async def body(session: Session) -> None:
            # All partitions at once, so that no owner goes on in the old generation beside one in the new.
            await self._collection.update_many(mine, {"$set": {"generation": after + 1, "next": 0}}, session=session)

        await self._database.transaction(body)
        return await self._read()

    async def stored(self) -> Positions:
        """The positions as they are; partitions never read are absent."""
        return await self._read()

    async def move(self, session: Session, move: Move) -> None:
        """Moves every partition of `move` inside the transaction; raises Fenced when one is not where it was."""
        updates: list[Write] = [
            UpdateOne(
                {"_id": self._id(partition), "generation": move.generation, "next": before},
                {"$set": {"next": move.after[partition]}},
            )
            for partition, before in move.before.items()
        ]
        if updates:
            written = await self._collection.bulk_write(updates, ordered=False, session=session)
            if written.matched != len(updates):
                raise Fenced(f"{self._topic}: positions of {self._group} were moved by another owner")

    async def _read(self) -> Positions:
        mine = {"group": self._group, "topic": self._topic}
        documents = await self._collection.find(mine)
        generation = max((document["generation"] for document in documents), default=0)
        # A document made while the generation was raised still bears the old one: its owner is fenced, then reloads.
        late = [document for document in documents if document["generation"] < generation]
        for document in late:
            await self._collection.update_one(
                {"_id": document["_id"], "generation": document["generation"]},
                {"$set": {"generation": generation, "next": 0}},
            )
            document["next"] = 0
        return Positions(
            generation=generation, next={document["partition"]: document["next"] for document in documents}
        )

    def _id(self, partition: int) -> str:
        return f"{self._group}/{self._topic}/{partition}"

    def _document(self, partition: int, generation: int) -> Document:
        return {
            "_id": self._id(partition),
            "group": self._group,
            "topic": self._topic,
            "partition": partition,
            "generation": generation,
            "next": 0,
        }
