"""A lease without an expiry: whoever sees its renewals stand still for its length, on an own clock, may take it.

The epoch rises with each taker. What is done under it is conditional on versions too: two holders do nothing twice.
"""

from __future__ import annotations

from services.platform.clock import Clock
from services.platform.mongo import Database, DuplicateKey

LEASES = "leases"


class Lease:
    """One replica's try at one named job."""

    def __init__(self, database: Database, name: str, *, seconds: float, clock: Clock) -> None:
        self._collection = database.collection(LEASES)
        self._name = name
        self._seconds = seconds
        self._clock = clock
        self._epoch: int | None = None
        self._seen: tuple[int, int] | None = None
        self._since = 0.0

    async def held(self) -> bool:
        """Renews the lease, or takes it when it was abandoned; call it before each piece of work."""
        if self._epoch is not None and await self._renewed(self._epoch):
            return True
        self._epoch = None
        found = await self._collection.find_one({"_id": self._name})
        if found is None:
            return await self._created()
        state = (found["epoch"], found["renewals"])
        now = self._clock.monotonic()
        if state != self._seen:
            self._seen, self._since = state, now
        if not found["released"] and now - self._since < self._seconds:
            return False
        return await self._taken(*state)

    async def release(self) -> None:
        """Lets go, so that the next one need not wait."""
        epoch, self._epoch = self._epoch, None
        if epoch is not None:
            await self._collection.update_one({"_id": self._name, "epoch": epoch}, {"$set": {"released": True}})

    async def _renewed(self, epoch: int) -> bool:
        renewed = await self._collection.update_one(
            {"_id": self._name, "epoch": epoch, "released": False}, {"$inc": {"renewals": 1}}
        )
        return bool(renewed.matched)

    async def _created(self) -> bool:
        try:
            await self._collection.insert_one({"_id": self._name, "epoch": 1, "renewals": 0, "released": False})
        except DuplicateKey:
            return False
        self._epoch = 1
        return True

    async def _taken(self, epoch: int, renewals: int) -> bool:
        taken = await self._collection.update_one(
            {"_id": self._name, "epoch": epoch, "renewals": renewals},
            {"$set": {"epoch": epoch + 1, "renewals": 0, "released": False}},
        )
        if taken.matched:
            self._epoch = epoch + 1
        return bool(taken.matched)
