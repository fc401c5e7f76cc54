"""Readers of a state topic keep the highest version they have seen; an Erased state is the last of its key for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.platform.mongo import Collection, Document, InsertOne, ReplaceOne, Session, Write

ERASED = "erased"
VERSION = "version"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The whole state of one key; `document` is what the reader keeps of it, None when the key was erased."""

    key: str
    version: int
    document: Document | None


async def highest_version(session: Session, collection: Collection, states: Sequence[State]) -> Sequence[State]:
    """Stores, inside the transaction, every state that is newer than the stored one and follows no Erased.

    Documents get the fields `_id` (the key), `version` and `erased`; of an erased key nothing else is left. Returns the
    states that took effect, at most one a key, in the order of `states`: what was superseded within them is left out.
    """
    newest: dict[str, State] = {}
    for state in states:
        known = newest.get(state.key)
        if known is None or _supersedes(state, version=known.version, erased=known.document is None):
            newest.pop(state.key, None)
            newest[state.key] = state
    if not newest:
        return []
    fields = {VERSION: 1, ERASED: 1}
    stored = {
        document["_id"]: document
        for document in await collection.find({"_id": {"$in": list(newest)}}, fields, session=session)
    }
    effective = [
        state
        for state in newest.values()
        if (old := stored.get(state.key)) is None or _supersedes(state, version=old[VERSION], erased=old[ERASED])
    ]
    # Plain writes do: a concurrent change of the same document conflicts with the transaction's snapshot.
    writes: list[Write] = [
        ReplaceOne({"_id": state.key}, _document(state)) if state.key in stored else InsertOne(_document(state))
        for state in effective
    ]
    await collection.bulk_write(writes, ordered=False, session=session)
    return effective


def _supersedes(state: State, *, version: int, erased: bool) -> bool:
    if erased:
        return False
    return state.document is None or state.version > version


def _document(state: State) -> Document:
    return {**(state.document or {}), "_id": state.key, VERSION: state.version, ERASED: state.document is None}
