"""A client's bucket never gives more than burst and rate allow, and says when the next call is there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.platform.errors import ServiceError
from services.platform.interceptors.limits import Gate, Quota
from services.platform.settings import RpcSettings
from services.platform.testing import ManualClock


def taken(quota: Quota, client: str = "c") -> float | None:
    """None if a call was there, else the seconds to wait."""
    try:
        quota.take(client)
    except ServiceError as error:
        return error.retry_after
    return None


@given(
    rate=st.floats(0.1, 100),
    burst=st.integers(1, 20),
    pauses=st.lists(st.floats(0, 5), min_size=1, max_size=40),
)
def test_no_more_calls_than_burst_and_rate_allow(rate: float, burst: int, pauses: list[float]) -> None:
    clock = ManualClock()
    quota = Quota(RpcSettings(quota_per_second=rate, quota_burst=burst), clock)
    admitted = 0
    for pause in pauses:
        clock.advance(pause)
        admitted += taken(quota) is None
    assert admitted <= burst + rate * sum(pauses) + 1e-6


@given(rate=st.floats(0.1, 100), burst=st.integers(1, 20))
def test_a_call_after_the_time_to_wait_is_admitted(rate: float, burst: int) -> None:
    clock = ManualClock()
    quota = Quota(RpcSettings(quota_per_second=rate, quota_burst=burst), clock)
    for _ in range(burst):
        assert taken(quota) is None
    wait = taken(quota)
    assert wait is not None
    clock.advance(wait + 1e-6)
    assert taken(quota) is None


def test_without_a_rate_there_is_no_quota() -> None:
    quota = Quota(RpcSettings(quota_per_second=0, quota_burst=1), ManualClock())
    assert [taken(quota) for _ in range(10)] == [None] * 10


def test_whoever_leaves_makes_room() -> None:
    gate = Gate(1, ManualClock())
    gate.enter()
    with pytest.raises(ServiceError):
        gate.enter()
    gate.leave()
    gate.enter()
