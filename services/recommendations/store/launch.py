"""The launch mode, kept in the database: what a replica thinks it is never matters."""

from __future__ import annotations

from services.platform.mongo import Database, Session
from services.recommendations.domain.kinds import LaunchMode

LAUNCH = "launch"
_ONE = "mode"


class LaunchStore:
    """One document; without it the mode is shadow."""

    def __init__(self, database: Database) -> None:
        self._collection = database.collection(LAUNCH)

    async def mode(self, session: Session | None = None) -> LaunchMode:
        """The present mode."""
        found = await self._collection.find_one({"_id": _ONE}, session=session)
        return LaunchMode(found["mode"]) if found is not None else LaunchMode.SHADOW

    async def set(self, mode: LaunchMode) -> None:
        """Sets the mode for every replica."""
        await self._collection.update_one({"_id": _ONE}, {"$set": {"mode": mode.value}}, upsert=True)
