"""Writes are refused with a reason before the database is full: too much unpublished, too much used, too little free.

What is measured is a second old or so: a limit is no exact number, it leaves room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from acquaint.errors.v1 import error_reason_pb2

from services.platform.clock import Clock
from services.platform.errors import exhausted
from services.platform.mongo import Database, Storage
from services.platform.outbox.documents import ROWS, UNPUBLISHED
from services.platform.settings import JournalSettings
from services.platform.telemetry import Metrics

_RETRY_SECONDS = 30.0
_LEAST_AGE = 1.0
# Measuring takes at most this share of the time, however long the backlog is.
_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Unpublished records by shard id, and the disk."""

    unpublished: Mapping[str, int]
    storage: Storage


class Capacity:
    """How full the outbox is."""

    def __init__(self, database: Database, *, clock: Clock, settings: JournalSettings, metrics: Metrics) -> None:
        self._database = database
        self._rows = database.collection(ROWS)
        self._clock = clock
        self._settings = settings
        self._metrics = metrics
        self._measuring = asyncio.Lock()
        self._measured: Measured | None = None
        self._due = 0.0

    async def check(self) -> None:
        """Raises ServiceError RESOURCE_EXHAUSTED with the cause while a limit is passed."""
        cause = self.exceeded(await self.measure())
        if cause is None:
            return
        self._metrics.outbox_refused.labels(cause).inc()
        message = {
            "unpublished": "too many records wait for the broker",
            "storage": "the database has reached its limit",
            "disk": "the database's disk is nearly full",
        }[cause]
        raise exhausted(error_reason_pb2.ERROR_REASON_STORAGE_FULL, message, _RETRY_SECONDS)

    def exceeded(self, measured: Measured) -> str | None:
        """Which limit is passed, if one is."""
        limits = self._settings
        if sum(measured.unpublished.values()) >= limits.maximum_unpublished_records:
            return "unpublished"
        if 0 < limits.maximum_storage_bytes <= measured.storage.used:
            return "storage"
        if measured.storage.disk and measured.storage.free <= limits.minimum_free_bytes:
            return "disk"
        return None

    async def measure(self) -> Measured:
        """What is true now or was a moment ago."""
        async with self._measuring:
            now = self._clock.monotonic()
            if self._measured is None or now >= self._due:
                self._measured = Measured(unpublished=await self.backlogs(), storage=await self._database.storage())
                after = self._clock.monotonic()
                self._due = after + max(_LEAST_AGE, (after - now) / _SHARE)
            return self._measured

    async def backlogs(self) -> Mapping[str, int]:
        """Records that are not marked as published, numbered or not, by the id of their shard, counted now."""
        counted = await self._rows.aggregate(
            [
                {"$match": {"unpublished": True}},
                {"$project": {"_id": 0, "shard": 1, "count": 1}},
                {"$group": {"_id": "$shard", "records": {"$sum": "$count"}}},
            ],
            hint=UNPUBLISHED,
        )
        return {each["_id"]: each["records"] for each in counted}
