"""One writer or many readers, in alternating turns: a stream of folds never starves queries, nor queries a fold.

Phase-fair locking after Brandenburg and Anderson, "Reader-Writer Synchronization for Shared-Memory Multiprocessor
Real-Time Systems", 2009: a query waits for at most one chunk of a fold, a fold for at most one round of queries.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class PhaseFairLock:
    """Readers that come while a writer works or waits are let in together when that writer's turn ends."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._writers = threading.Lock()
        self._readers = 0
        self._queued = 0
        self._turn = 0
        self._writing = False

    @contextmanager
    def read(self) -> Iterator[None]:
        with self._changed:
            if self._writing:
                self._queued += 1
                turn = self._turn
                while self._turn == turn:
                    self._changed.wait()
            else:
                self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                if self._readers == 0:
                    self._changed.notify_all()

    @contextmanager
    def write(self) -> Iterator[None]:
        with self._writers:
            with self._changed:
                self._writing = True
                while self._readers:
                    self._changed.wait()
            try:
                yield
            finally:
                with self._changed:
                    self._writing = False
                    self._turn += 1
                    self._readers += self._queued
                    self._queued = 0
                    self._changed.notify_all()
