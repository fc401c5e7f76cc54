"""The write side: facts become rows in the caller's own transaction, so that write and facts stand or fall together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from services.platform.clock import Clock
from services.platform.envelope import Fact
from services.platform.mongo import Database, Document, DuplicateKey, Session
from services.platform.outbox.capacity import Capacity
from services.platform.outbox.documents import ROWS, SHARDS, TOPICS, indexes, row_document, shard_document
from services.platform.outbox.ports import Shard
from services.platform.outbox.rows import pack, shard_of
from services.platform.settings import JournalSettings
from services.platform.telemetry import Metrics
from services.platform.topics import PartitionsDiffer, Topic, TopicKind


class Outbox:
    """The outbox of one service for the topics it writes; `source` is the ce_source of its records."""

    def __init__(
        self,
        database: Database,
        topics: Iterable[Topic] | Mapping[str, Topic],
        *,
        source: str,
        clock: Clock,
        settings: JournalSettings,
        metrics: Metrics,
    ) -> None:
        rows = topics.values() if isinstance(topics, Mapping) else topics
        self.topics = {topic.name: topic for topic in rows if topic.kind is not TopicKind.INBOUND}
        self.source = source
        self.capacity = Capacity(database, clock=clock, settings=settings, metrics=metrics)
        self.committed = asyncio.Event()  # the relay waits for it
        self._database = database
        self._rows = database.collection(ROWS)
        self._clock = clock
        self._settings = settings

    @property
    def shards(self) -> Sequence[Shard]:
        """One for each partition of each topic."""
        return [
            Shard(topic=topic.name, partition=partition)
            for topic in self.topics.values()
            for partition in range(topic.partitions)
        ]

    async def ensure(self) -> None:
        """Creates collections, indexes and shards. The number of shards is written once and never changes.

        Raises PartitionsDiffer for a topic that was created with another number of partitions than declared.
        """
        await self._database.ensure(indexes(timedelta(days=self._settings.keep_published_days)))
        known = self._database.collection(TOPICS)
        for topic in self.topics.values():
            await _insert_once(self._database, TOPICS, {"_id": topic.name, "shards": topic.partitions})
            found = await known.find_one({"_id": topic.name})
            if found is not None and found["shards"] != topic.partitions:
                raise PartitionsDiffer(topic.name, topic.partitions, found["shards"])
        for shard in self.shards:
            await _insert_once(self._database, SHARDS, {"_id": shard.id, **shard_document(shard)})

    async def append(
        self,
        session: Session,
        topic: Topic,
        facts: Sequence[Fact],
        *,
        aggregate: str | None = None,
        version: int | None = None,
    ) -> None:
        """Adds facts to the journal in the transaction of `session`, in few rows; call `notify` after the commit.

        Facts of one partition and one version share rows and keep their order. `version`, or a fact's own, orders
        what several calls write about the same aggregate; without one there is no order between calls. `aggregate`
        is kept with the rows. Raises RecordTooLarge, and KeyError for a topic that is not this outbox's.
        """
        topic = self.topics[topic.name]
        groups: dict[tuple[int, int], list[Fact]] = {}
        for fact in facts:
            place = (shard_of(topic, fact.key), fact.version or version or 0)
            groups.setdefault(place, []).append(fact)
        documents: list[Document] = []
        for (partition, number), group in groups.items():
            shard = Shard(topic=topic.name, partition=partition)
            packed = pack(group, source=self.source, row_bytes=self._settings.row_bytes)
            documents.extend(
                row_document(
                    id=self._clock.new_id(),
                    shard=shard,
                    version=number,
                    part=part,
                    aggregate=aggregate,
                    forever=topic.journal_forever,
                    columns=columns,
                )
                for part, columns in enumerate(packed)
            )
        await self._rows.insert_many(documents, session=session)

    def notify(self) -> None:
        """Tells the relay of this process that something was committed."""
        self.committed.set()

    async def check_capacity(self) -> None:
        """Raises ServiceError RESOURCE_EXHAUSTED while too much is unpublished or the disk is nearly full."""
        await self.capacity.check()


async def _insert_once(database: Database, collection: str, document: Document) -> None:
    found = database.collection(collection)
    if await found.find_one({"_id": document["_id"]}) is None:
        try:
            await found.insert_one(document)
        except DuplicateKey:
            return  # another process of the service was first
