"""How every numeric kernel is compiled: cached on disk, without the interpreter's lock, without reordering of sums.

`fastmath` stays off: two replicas on different processors must agree to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]
LongArray = NDArray[np.int64]
ShortArray = NDArray[np.uint16]
SecondsArray = NDArray[np.uint32]
ByteArray = NDArray[np.uint8]
HashArray = NDArray[np.uint64]


def kernel(function: Kernel) -> Kernel:
    """Compiles `function` on its first call; division by zero follows IEEE instead of raising."""
    return cast(Kernel, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


@kernel
def signed(value: Any) -> int:
    """64 bits with a sign: mixed with unsigned ones, compiled integers become floats."""
    return np.int64(value)  # type: ignore[return-value]
