"""The hand-made exponential and logarithm: as exact as promised, and decay that only depends on differences."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from services.recommendations.graph.numbers import decay_to, exp2_fraction, forward_weight, log_of_one_plus

HALF_LIFE = 7_000_003


@settings(deadline=None)
@given(st.floats(0, 1, exclude_max=True))
def test_the_exponential_is_exact_to_fourteen_digits(x: float) -> None:
    assert math.isclose(exp2_fraction(x), 2.0**x, rel_tol=1e-14)


@settings(deadline=None)
@given(st.floats(0, 1e12))
def test_the_logarithm_is_exact_to_ten_digits(x: float) -> None:
    assert math.isclose(log_of_one_plus(x), math.log1p(x), rel_tol=1e-10)


@settings(deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 100), st.integers(0, 40))
def test_a_contact_counts_half_after_every_half_life(time_us: int, later: int, base: int) -> None:
    weight = forward_weight(time_us, HALF_LIFE, base)
    assert weight == forward_weight(time_us + later * HALF_LIFE, HALF_LIFE, base) * 2.0**-later
    assert math.isclose(weight * decay_to(time_us + later * HALF_LIFE, HALF_LIFE, base), 2.0**-later, rel_tol=1e-12)


def test_what_is_too_old_weighs_nothing() -> None:
    assert forward_weight(0, HALF_LIFE, 1_100) == 0.0
