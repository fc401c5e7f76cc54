"""The collections and their indexes, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.platform.mongo import ASCENDING, DESCENDING, Index

INTERACTIONS = "interactions"
SOURCES = "sources"
ERASED = "erased_people"

SPECS: Mapping[str, Sequence[Index]] = {
    # One index besides the ids: each costs speed at the door. It ends with the id, so that a page has a definite end
    # among equal times and a source is picked from the index alone.
    INTERACTIONS: [Index(name="person", keys=[("people", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)])],
    SOURCES: [],
    # Unique, so that two writers never give the same number and a reader that asks for higher ones misses nobody.
    ERASED: [Index(name="number", keys=[("number", ASCENDING)], unique=True)],
}
