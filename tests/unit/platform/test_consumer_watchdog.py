"""The watchdog ends a process that hangs and no other."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from services.platform.consumer.backoff import Backoff, passes
from services.platform.consumer.watchdog import Sight, Watchdog
from services.platform.errors import DependencyUnavailable, exhausted, not_found, unavailable
from services.platform.testing import ManualClock, eventually

STILL = Sight(answered=True, lag=5, positions=(0, 10), paused=False, backing_off=False)


def test_nothing_moving_for_thirty_seconds_with_lag_is_a_hang() -> None:
    clock = ManualClock()
    watchdog = Watchdog(clock, 30)
    assert not watchdog.look(STILL)
    clock.advance(29.9)
    assert not watchdog.look(STILL)
    clock.advance(0.1)
    assert watchdog.look(STILL)


@pytest.mark.parametrize(
    "sight",
    [
        replace(STILL, answered=False),
        replace(STILL, lag=0),
        replace(STILL, paused=True),
        replace(STILL, backing_off=True),
        replace(STILL, positions=(0, 11)),
    ],
)
def test_anything_that_explains_it_starts_the_count_again(sight: Sight) -> None:
    clock = ManualClock()
    watchdog = Watchdog(clock, 30)
    for _ in range(10):
        assert not watchdog.look(STILL)
        clock.advance(29)
        assert not watchdog.look(sight)
        clock.advance(29)
    assert not watchdog.look(STILL)
    clock.advance(30)
    assert watchdog.look(STILL)


def test_waits_double_with_jitter_up_to_the_longest() -> None:
    backoff = Backoff(ManualClock(), 0.2, 30)
    waits = [backoff.next() for _ in range(40)]
    for number, wait in enumerate(waits):
        whole = min(30.0, 0.2 * 2**number)
        assert whole / 2 <= wait <= whole
    backoff.reset()
    assert backoff.next() <= 0.2


async def test_a_wait_ends_when_something_changes() -> None:
    clock, changed = ManualClock(), asyncio.Event()
    waiting = asyncio.create_task(Backoff(clock, 5, 5).wait(changed))
    await eventually(lambda: clock.sleeping == 1, what="the wait")
    changed.set()
    await waiting
    waiting = asyncio.create_task(Backoff(clock, 5, 5).wait(asyncio.Event()))
    await eventually(lambda: clock.sleeping == 1, what="the second wait")
    clock.advance(5)
    await waiting


def test_only_what_passes_by_itself_is_tried_again() -> None:
    assert passes(unavailable("profiles does not answer"))
    assert passes(exhausted(0, "the outbox is full", 1.0))  # type: ignore[arg-type]
    assert passes(DependencyUnavailable("gone"))
    assert passes(TimeoutError())
    assert passes(ConnectionResetError())
    assert not passes(not_found("person", "p1"))
    assert not passes(KeyError("x"))
