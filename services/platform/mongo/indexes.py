"""Indexes and collections are declared as data and created at start, idempotently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pymongo
from pymongo import IndexModel

ASCENDING = pymongo.ASCENDING
DESCENDING = pymongo.DESCENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """One index of a collection; `expire_after` makes the database delete documents by the date in its one key."""

    keys: Sequence[tuple[str, int]]
    name: str
    unique: bool = False
    partial: dict[str, Any] | None = None
    expire_after: timedelta | None = None

    def model(self) -> IndexModel:
        """The driver's form of it."""
        options: dict[str, Any] = {"name": self.name, "unique": self.unique}
        if self.partial is not None:
            options["partialFilterExpression"] = self.partial
        if self.expire_after is not None:
            options["expireAfterSeconds"] = int(self.expire_after.total_seconds())
        return IndexModel(list(self.keys), **options)
