"""The manual clock stands still until it is advanced and wakes sleepers in order."""

from __future__ import annotations

import asyncio

import pytest

from services.platform.clock import Clock, SystemClock
from services.platform.testing import ManualClock, eventually


async def test_sleepers_wake_in_the_order_of_their_due_times() -> None:
    clock, woken = ManualClock(), []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (3, 1, 2, 10)]
    await eventually(lambda: clock.sleeping == 4, what="four sleepers")
    clock.advance(5)
    await eventually(lambda: len(woken) == 3, what="three awake")
    assert woken == [1, 2, 3]
    assert clock.sleeping == 1
    tasks[-1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert clock.sleeping == 0


def test_both_hands_move_together_and_only_when_told() -> None:
    clock = ManualClock()
    wall, elapsed = clock.now(), clock.monotonic()
    assert (clock.now(), clock.monotonic()) == (wall, elapsed)
    clock.advance(1.5)
    assert (clock.now() - wall).total_seconds() == clock.monotonic() - elapsed == 1.5


def test_chance_is_repeatable() -> None:
    first, second = ManualClock(seed=4), ManualClock(seed=4)
    assert [first.new_id(), first.random.random()] == [second.new_id(), second.random.random()]


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock()])
async def test_every_clock_gives_aware_times_and_new_ids_and_returns_from_an_empty_sleep(clock: Clock) -> None:
    assert clock.now().utcoffset() is not None
    assert len({clock.new_id() for _ in range(100)}) == 100
    await clock.sleep(0)


async def test_what_never_comes_fails_with_its_name() -> None:
    with pytest.raises(AssertionError, match="the tide"):
        await eventually(lambda: False, timeout=0.01, what="the tide")
