"""Exponentials and logarithms made of additions and multiplications only, and the forward decay built on them.

The mathematical library of the platform picks its code by processor and differs in the last bit; these do not,
so a fold gives the same bits on every machine. Forward decay: Cormode et al., "Forward Decay", ICDE 2009.
"""

from __future__ import annotations

import math

from services.recommendations.graph.compiled import kernel

MICROSECONDS = 1_000_000
DAY_US = 86_400 * MICROSECONDS

_LN2 = 0.6931471805599453
_SQRT2 = 1.4142135623730951
_SMALLEST_EXPONENT = -1022

# A weight is 2**(half-lives since the base). The base is a multiple of BASE_STEP half-lives and moves on before
# REBASE_AFTER of them have passed, by powers of two, which no sum notices.
BASE_STEP = 256
REBASE_AFTER = 512


@kernel
def exp2_fraction(x: float) -> float:
    """2**x for 0 <= x < 1, relative error below 1e-14 (Taylor series around 1/2)."""
    y = (x - 0.5) * _LN2
    total = 1.0 + y / 12.0
    for divisor in range(11, 0, -1):
        total = 1.0 + total * y / divisor
    return total * _SQRT2


@kernel
def log_of_one_plus(x: float) -> float:
    """ln(1 + x) for x >= 0, relative error below 1e-10 (series of the inverse hyperbolic tangent)."""
    if x < 1e-3:
        return x * (1.0 - x * (0.5 - x * (0.3333333333333333 - x * (0.25 - x * 0.2))))
    mantissa, exponent = math.frexp(1.0 + x)
    if mantissa < 0.7071067811865476:
        mantissa *= 2.0
        exponent -= 1
    s = (mantissa - 1.0) / (mantissa + 1.0)
    z = s * s
    series = 1.0 + z * (1 / 3 + z * (1 / 5 + z * (1 / 7 + z * (1 / 9 + z * (1 / 11 + z * (1 / 13))))))
    return 2.0 * s * series + exponent * _LN2


@kernel
def forward_weight(time_us: int, half_life_us: int, base: int) -> float:
    """2**(time / half-life - base): the share of a contact at `time_us`; 0 where it is too old to be told apart."""
    whole = time_us // half_life_us
    exponent = whole - base
    if exponent < _SMALLEST_EXPONENT:
        return 0.0
    return math.ldexp(exp2_fraction((time_us - whole * half_life_us) / half_life_us), exponent)


@kernel
def decay_to(as_of_us: int, half_life_us: int, base: int) -> float:
    """What a stored sum is multiplied by so that it tells the strength at `as_of_us`."""
    whole = as_of_us // half_life_us
    return math.ldexp(1.0 / exp2_fraction((as_of_us - whole * half_life_us) / half_life_us), base - whole)
