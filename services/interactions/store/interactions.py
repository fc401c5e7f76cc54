"""One document per interaction: its identity for ever, the hash that decides what a repeat is, and what a list shows.

The published record is in the journal and is not kept a second time: a document holds each field once, in the form
that identity and listing need, and no bytes of the record.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import NamedTuple

from services.interactions.domain import Accepted, Interaction
from services.interactions.store.specs import INTERACTIONS
from services.platform.mongo import ASCENDING, DESCENDING, Database, Document, Session

_NEWEST_FIRST = [("at", DESCENDING), ("_id", DESCENDING)]
_IDS_PER_PAGE = 10_000


class Place(NamedTuple):
    """Where a page of a list ends: microseconds and record id."""

    at: int
    record_id: str


class InteractionStore:
    """The interactions by identity and by person."""

    def __init__(self, database: Database) -> None:
        self._documents = database.collection(INTERACTIONS)

    async def known(self, record_ids: Iterable[str], *, session: Session | None = None) -> dict[str, bytes]:
        """The content hash of each of these that is stored."""
        wanted = {"_id": {"$in": list(record_ids)}}
        found = await self._documents.find(wanted, {"hash": 1}, session=session)
        return {document["_id"]: document["hash"] for document in found}

    async def add(self, session: Session, accepted: Sequence[Accepted]) -> None:
        """Stores new interactions; raises DuplicateKey when another writer stored one of them meanwhile."""
        await self._documents.insert_many([_document(each) for each in accepted], ordered=False, session=session)

    async def page(
        self, person: str, *, after: Place | None, limit: int, source: str = ""
    ) -> list[tuple[Place, Interaction]]:
        """Up to `limit` interactions of a person, newest first, of one source only where `source` is given."""
        wanted: Document = {"people": person}
        if after is not None:
            wanted["at"] = {"$lte": after.at}
            wanted["$or"] = [{"at": {"$lt": after.at}}, {"_id": {"$lt": after.record_id}}]
        if source:
            # The character after "/" is "0": exactly the ids that begin with the source and a slash.
            wanted["_id"] = {"$gte": f"{source}/", "$lt": f"{source}0"}
        found = await self._documents.find(wanted, sort=_NEWEST_FIRST, limit=limit)
        return [(Place(document["at"], document["_id"]), _interaction(document)) for document in found]

    async def ids(self) -> AsyncIterator[list[str]]:
        """Every record id, in pages, from the index of ids alone."""
        async for page in self._documents.pages({}, {"_id": 1}, sort=[("_id", ASCENDING)], size=_IDS_PER_PAGE):
            yield [document["_id"] for document in page]


def _document(accepted: Accepted) -> Document:
    interaction = accepted.interaction
    at, rest = divmod(interaction.time_ns, 1000)
    document: Document = {
        "_id": interaction.record_id,
        "hash": accepted.content_hash,
        "at": at,
        "people": [interaction.initiator, *interaction.participants],
        "type": interaction.type,
    }
    if rest:
        document["ns"] = rest
    if interaction.duration_ns is not None:
        document["duration"] = interaction.duration_ns
    if interaction.context:
        document["context"] = interaction.context
    if interaction.help:
        document["help"] = interaction.help
    return document


def _interaction(document: Document) -> Interaction:
    source, _, interaction_id = document["_id"].partition("/")
    initiator, *participants = document["people"]
    return Interaction(
        source=source,
        interaction_id=interaction_id,
        type=document["type"],
        initiator=initiator,
        participants=tuple(participants),
        time_ns=document["at"] * 1000 + document.get("ns", 0),
        duration_ns=document.get("duration"),
        context=document.get("context", ""),
        help=document.get("help", 0),
    )
