"""A lease has no expiry: takers watch it stand still on their own clock, holders stop well before that."""

from __future__ import annotations

import pytest

from services.platform.outbox.ports import Shard
from services.platform.outbox.tenure import Keeper, Tenure
from services.platform.testing import ManualClock
from services.platform.testing.journal import MemoryJournal

SHARDS = [Shard(topic="tests", partition=number) for number in range(2)]
LEASE = 6.0


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal(SHARDS)


def keeper(journal: MemoryJournal, clock: ManualClock) -> Keeper:
    return Keeper(journal, SHARDS, lease_seconds=LEASE, clock=clock)


async def test_what_nobody_holds_is_taken_at_once(journal: MemoryJournal) -> None:
    assert {tenure.shard for tenure in await keeper(journal, ManualClock()).take()} == set(SHARDS)


async def test_a_silent_holder_is_replaced_after_a_whole_lease_on_the_takers_clock(journal: MemoryJournal) -> None:
    await keeper(journal, ManualClock()).take()
    clock = ManualClock()
    other = keeper(journal, clock)
    assert await other.take() == []
    clock.advance(LEASE - 0.1)
    assert await other.take() == []
    clock.advance(0.2)
    assert [tenure.epoch for tenure in await other.take()] == [2, 2]


async def test_a_holder_that_renews_is_never_replaced_however_the_clocks_run(journal: MemoryJournal) -> None:
    slow, fast = ManualClock(), ManualClock()
    holder, other = keeper(journal, slow), keeper(journal, fast)
    await holder.take()
    for _ in range(10):
        slow.advance(LEASE / 3)
        fast.advance(LEASE * 0.9)
        await holder.renew()
        assert await other.take() == []


async def test_the_time_before_a_taker_began_to_watch_does_not_count(journal: MemoryJournal) -> None:
    await keeper(journal, ManualClock()).take()
    clock = ManualClock()
    clock.advance(1_000_000)
    assert await keeper(journal, clock).take() == []


async def test_who_was_replaced_learns_it_at_the_next_renewal(journal: MemoryJournal) -> None:
    first, second = ManualClock(), ManualClock()
    old, new = keeper(journal, first), keeper(journal, second)
    await old.take()
    await new.take()
    second.advance(LEASE)
    await new.take()
    first.advance(LEASE)
    assert {tenure.shard for tenure in await old.renew()} == set(SHARDS)
    assert old.held == {}
    second.advance(LEASE / 2)
    assert await new.renew() == []


async def test_what_is_let_go_is_taken_without_waiting(journal: MemoryJournal) -> None:
    old = keeper(journal, ManualClock())
    await old.take()
    await old.release()
    assert len(await keeper(journal, ManualClock()).take()) == 2


async def test_sending_ends_two_thirds_into_the_lease_counted_from_asking_for_the_renewal() -> None:
    clock = ManualClock()
    asked: list[float] = []

    class SlowAnswers(MemoryJournal):
        async def renew(self, epochs):  # type: ignore[no-untyped-def]
            asked.append(clock.monotonic())
            clock.advance(3.0)
            return await super().renew(epochs)

    own = keeper(SlowAnswers(SHARDS), clock)
    tenure: Tenure = next(iter(await own.take()))
    assert tenure.may_send()
    clock.advance(3.9)
    assert tenure.may_send()
    await own.renew()
    assert clock.monotonic() - asked[-1] == pytest.approx(3.0)
    assert tenure.may_send()
    clock.advance(0.9)
    assert tenure.may_send()
    clock.advance(0.2)
    assert not tenure.may_send()
