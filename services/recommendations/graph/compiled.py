"""How every numeric kernel is compiled: cached on disk, without the interpreter's lock, without reordering of sums.

`fastmath` stays off: two replicas on different processors must agree to the bit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
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


def cache_directory(package: Path, base: Path) -> Path:
    """Where compiled kernels are kept: a directory of their own for every state of the sources that can hold some.

    The compiler looks only at the file of the kernel it loads; a kernel whose callee or constant changed in another
    file would be loaded stale.
    """
    holders = {source.parent for source in package.rglob("*.py") if b"@kernel" in source.read_bytes()}
    content = blake2b(digest_size=8)
    for source in sorted(source for holder in holders for source in holder.glob("*.py")):
        content.update(source.relative_to(package).as_posix().encode() + source.read_bytes())
    return base / f"kernels-{content.hexdigest()}"


_HERE = Path(__file__).parent
numba.config.CACHE_DIR = str(  # type: ignore[attr-defined]
    cache_directory(_HERE.parent, Path(os.environ.get("NUMBA_CACHE_DIR") or _HERE / "__pycache__"))
)


def kernel(function: Kernel) -> Kernel:
    """Compiles `function` on its first call; division by zero follows IEEE instead of raising.

    A kernel makes no arrays: all it needs is passed in. So references need not be counted (`_nrt`), which would take
    more than half of a fold's time: every look into a tuple of arrays counts them up and down, atomically.
    """
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
    return cast(Kernel, numba.njit(**options)(function))


@kernel
def signed(value: Any) -> int:
    """64 bits with a sign: mixed with unsigned ones, compiled integers become floats."""
    return np.int64(value)  # type: ignore[return-value]
