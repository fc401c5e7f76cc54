"""Decides, record by record in order, when poison pauses a consumer or quarantines a source (DESIGN §4.4).

A tally is a value: a batch is tried on a copy, and the copy is kept only when the batch's transaction committed.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_SOURCES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`run` poison records in a row or `share` of the last `window` are too many; a source needs `minimum` of them."""

    run: int
    share: float
    window: int
    minimum: int


class Window:
    """The outcomes of the last `size` records; good ones cost nothing to add."""

    __slots__ = ("_poison", "_size", "run", "total")

    def __init__(self, size: int) -> None:
        self._size = size
        self._poison: deque[int] = deque()
        self.total = 0
        self.run = 0

    def copy(self) -> Window:
        """An independent window with the same outcomes."""
        other = Window(self._size)
        other._poison, other.total, other.run = self._poison.copy(), self.total, self.run
        return other

    def good(self, count: int = 1) -> None:
        """Adds `count` records that were handled."""
        if count > 0:
            self.total += count
            self.run = 0
            self._forget()

    def bad(self) -> None:
        """Adds one poison record."""
        self.total += 1
        self.run += 1
        self._poison.append(self.total)
        self._forget()

    @property
    def poison(self) -> int:
        """How many of the last `size` records were poison."""
        return len(self._poison)

    @property
    def seen(self) -> int:
        """How many records the window covers."""
        return min(self.total, self._size)

    def _forget(self) -> None:
        while self._poison and self._poison[0] <= self.total - self._size:
            self._poison.popleft()


class TopicTally:
    """Own topics: tells at which record of a batch the consumer has to pause."""

    __slots__ = ("_limits", "window")

    def __init__(self, limits: Limits, window: Window | None = None) -> None:
        self._limits = limits
        self.window = window or Window(limits.window)

    def copy(self) -> TopicTally:
        """An independent tally with the same outcomes."""
        return TopicTally(self._limits, self.window.copy())

    def add(self, count: int, poison: Sequence[int]) -> int | None:
        """Adds a batch of `count` records of which the ascending indices `poison` are poison.

        Returns the index of the record after which too much is poison, or None; the tally then covers the batch up to
        that record only.
        """
        limits, position = self._limits, 0
        for index in poison:
            self.window.good(index - position)
            self.window.bad()
            position = index + 1
            if self.window.run > limits.run or self.window.poison >= limits.share * limits.window:
                return index
        self.window.good(count - position)
        return None


class SourceTally:
    """Inbound topics: tells at which record of a batch which source has to be quarantined."""

    __slots__ = ("_limits", "_windows")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._windows: OrderedDict[str, Window] = OrderedDict()

    def copy(self) -> SourceTally:
        """An independent tally with the same outcomes; windows are copied when they change."""
        other = SourceTally(self._limits)
        other._windows = self._windows.copy()
        return other

    def forget(self, source: str) -> None:
        """Starts afresh with a source that was released."""
        self._windows.pop(source, None)

    def add(self, good: Mapping[str, int], poison: Sequence[tuple[int, str]]) -> tuple[int, str] | None:
        """Adds a batch: handled records per source, and (index, source) of poison in order.

        Returns index and source of the first record after which its source is above the limits, or None. Within one
        batch a source's good records count first: the order inside a batch can only postpone a quarantine.
        """
        for source, count in good.items():
            self._window(source).good(count)
        for index, source in poison:
            window = self._window(source)
            window.bad()
            if window.poison >= self._limits.minimum and window.poison > self._limits.share * window.seen:
                return index, source
        return None

    def _window(self, source: str) -> Window:
        known = self._windows.pop(source, None)
        window = self._windows[source] = known.copy() if known else Window(self._limits.window)
        if len(self._windows) > MOST_SOURCES:
            self._windows.popitem(last=False)
        return window


def per_source(sources: Sequence[str | None]) -> Counter[str]:
    """How many records each readable source has."""
    return Counter(source for source in sources if source is not None)
