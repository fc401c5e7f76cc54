"""Figures as lines for people or as JSON, and what else ran on the machine while they were taken."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def percentile(seconds: Sequence[float], share: float) -> float:
    """The value below which `share` of the measurements lie, in milliseconds."""
    ordered = sorted(seconds)
    return round(1000 * ordered[min(int(len(ordered) * share), len(ordered) - 1)], 3)


def machine() -> dict[str, Any]:
    """Cores, and how many processes wanted one during the last minute: above the cores, figures are too low."""
    return {"cores": len(os.sched_getaffinity(0)), "load": round(os.getloadavg()[0], 1)}


def show(result: Mapping[str, Any], *, as_json: bool) -> None:
    """Prints a result; groups of figures are indented."""
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        print("\n".join(_lines(result, "")))


def _lines(result: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in result.items():
        label = indent + name.replace("_", " ")
        if isinstance(value, Mapping):
            yield label
            yield from _lines(value, indent + "  ")
        else:
            yield f"{label:40} {value:>14,}" if isinstance(value, int | float) else f"{label:40} {value:>14}"
