"""Holding shards: leases without an expiry, judged by each relay on its own monotonic clock.

A taker watches a lease's renewals stand still for the lease's length; the holder stops sending when two thirds of it
have passed since it asked for its last renewal. A late zombie can then only repeat, never renumber.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from services.platform.clock import Clock
from services.platform.outbox.ports import LeaseStore, Shard, ShardState

_SENDING = 2 / 3
_RENEWING = 1 / 3


class Tenure:
    """One relay's hold on one shard, for one epoch."""

    def __init__(self, state: ShardState, *, asked_at: float, lease_seconds: float, clock: Clock) -> None:
        self.shard = state.shard
        self.epoch = state.epoch
        self.taken = state
        self._asked_at = asked_at
        self._lease_seconds = lease_seconds
        self._clock = clock

    def may_send(self) -> bool:
        """Whether less than two thirds of the lease have passed since its renewal was asked for."""
        return self._age < self._lease_seconds * _SENDING

    @property
    def due(self) -> bool:
        """Whether it is time to ask for a renewal."""
        return self._age >= self._lease_seconds * _RENEWING

    @property
    def _age(self) -> float:
        return self._clock.monotonic() - self._asked_at

    def renewed(self, asked_at: float) -> None:
        """The renewal asked for at this monotonic time was granted."""
        self._asked_at = asked_at


class Keeper:
    """Takes, renews and lets go of the shards of one service."""

    def __init__(self, store: LeaseStore, shards: Collection[Shard], *, lease_seconds: float, clock: Clock) -> None:
        self._store = store
        self._shards = frozenset(shards)
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._held: dict[Shard, Tenure] = {}
        self._seen: dict[Shard, tuple[ShardState, float]] = {}

    @property
    def held(self) -> Mapping[Shard, Tenure]:
        """What this relay holds, as far as it knows."""
        return self._held

    async def renew(self) -> Collection[Tenure]:
        """Renews what is due and returns the tenures that turn out to be lost."""
        due = {tenure.shard: tenure for tenure in self._held.values() if tenure.due}
        if not due:
            return ()
        asked_at = self._clock.monotonic()
        kept = await self._store.renew({shard: tenure.epoch for shard, tenure in due.items()})
        lost: list[Tenure] = []
        for shard, tenure in due.items():
            if self._held.get(shard) is not tenure:
                continue  # its publisher found out meanwhile
            if shard in kept:
                tenure.renewed(asked_at)
            else:
                del self._held[shard]
                lost.append(tenure)
        return lost

    async def take(self) -> Collection[Tenure]:
        """Takes every shard that was released or whose renewals stood still for a whole lease; returns the new ones."""
        if self._held.keys() >= self._shards:
            return ()
        new: list[Tenure] = []
        for state in await self._store.states():
            shard = state.shard
            if shard not in self._shards or shard in self._held or not self._abandoned(state):
                continue
            asked_at = self._clock.monotonic()
            taken = await self._store.take(state)
            if taken is not None:
                del self._seen[shard]
                tenure = Tenure(taken, asked_at=asked_at, lease_seconds=self._lease_seconds, clock=self._clock)
                self._held[shard] = tenure
                new.append(tenure)
        return new

    def drop(self, tenure: Tenure) -> None:
        """Forgets a tenure of which the numbering found out that it is lost."""
        if self._held.get(tenure.shard) is tenure:
            del self._held[tenure.shard]

    async def release(self) -> None:
        """Lets go of everything, so that the next relay need not wait."""
        epochs = {tenure.shard: tenure.epoch for tenure in self._held.values()}
        self._held.clear()
        if epochs:
            await self._store.release(epochs)

    def _abandoned(self, state: ShardState) -> bool:
        now = self._clock.monotonic()
        before, since = self._seen.get(state.shard, (None, now))
        if before is None or (before.epoch, before.renewals) != (state.epoch, state.renewals):
            since = now
        self._seen[state.shard] = (state, since)
        return state.released or now - since >= self._lease_seconds
