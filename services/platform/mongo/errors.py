"""The driver's errors in our words: a key is taken (DuplicateKey), no answer (DatabaseUnavailable), or refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pymongo import errors

from services.platform.errors import DependencyUnavailable

_DUPLICATE = 11000
_TIMEOUTS = re.compile(r" \(configured timeouts:[^)]*\)")
# Interrupted by shutdown, stepping down, no primary, time over, no majority: the same request may succeed later.
_AWAY = frozenset({6, 7, 50, 64, 89, 91, 100, 189, 262, 317, 9001, 10107, 11600, 11602, 13388, 13435, 13436})


class DatabaseError(Exception):
    """The database refused an operation; `__cause__` is the driver's error."""

    def __init__(self, message: str, labels: frozenset[str] = frozenset(), code: int | None = None) -> None:
        super().__init__(message)
        self.labels = labels
        self.code = code


class DatabaseUnavailable(DatabaseError, DependencyUnavailable):
    """The database did not answer in time; whether a write took effect is unknown. Repeat it idempotently."""


class DuplicateKey(DatabaseError):
    """A unique index holds this key already."""

    def __init__(
        self, message: str, key_pattern: Mapping[str, int], key_value: Mapping[str, Any], index: int | None = None
    ) -> None:
        super().__init__(message, code=_DUPLICATE)
        self.key_pattern = dict(key_pattern)
        self.key_value = dict(key_value)
        self.index = index  # position of the first failing operation in a bulk write


def translate(error: errors.PyMongoError) -> DatabaseError:
    """The error in our words."""
    details: Mapping[str, Any] = getattr(error, "details", None) or {}
    if isinstance(error, errors.BulkWriteError):
        failed = (details.get("writeErrors") or [{}])[0]
        if failed.get("code") == _DUPLICATE:
            return _duplicate(error, failed, failed.get("index"))
    elif getattr(error, "code", None) == _DUPLICATE:
        return _duplicate(error, details, None)
    labels = frozenset(
        label
        for label in ("TransientTransactionError", "UnknownTransactionCommitResult")
        if error.has_error_label(label)
    )
    code: int | None = getattr(error, "code", None)
    away = (errors.ConnectionFailure, errors.ExecutionTimeout, errors.WTimeoutError, errors.WaitQueueTimeoutError)
    if isinstance(error, errors.ServerSelectionTimeoutError):
        # The driver appends what it knows of every server, over and over; its first words are what people need.
        cause = _TIMEOUTS.sub("", str(error).partition(", Timeout:")[0])
        return DatabaseUnavailable(f"no database answers where ACQUAINT_MONGO__URI says: {cause}", labels, code)
    if isinstance(error, away) or error.timeout or code in _AWAY:
        return DatabaseUnavailable(str(error), labels, code)
    return DatabaseError(str(error), labels, code)


def _duplicate(error: errors.PyMongoError, details: Mapping[str, Any], index: int | None) -> DuplicateKey:
    return DuplicateKey(str(error), details.get("keyPattern") or {}, details.get("keyValue") or {}, index)


@contextmanager
def translated() -> Iterator[None]:
    """Raises DatabaseError, DatabaseUnavailable or DuplicateKey in place of the driver's errors."""
    try:
        yield
    except errors.PyMongoError as error:
        raise translate(error) from error
