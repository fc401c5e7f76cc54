"""A stack of the benchmark's own, which leaves nothing behind, or one that stands; and what its processes cost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from services.cli.connection import StackAddress, find
from services.devstack.service import SERVICES
from services.devstack.state import read_state
from services.devstack.supervisor import Stack, StackOptions


@asynccontextmanager
async def own_stack(services: Sequence[str] = ()) -> AsyncIterator[Stack]:
    """An empty stack with these services, by default all, on ports that nobody uses; what dies stays dead."""
    chosen = [spec for spec in SERVICES if not services or spec.name in services]
    with TemporaryDirectory(prefix="acquaint-benchmark-") as directory:
        options = StackOptions(data_dir=Path(directory), restart=False, usual_ports=False, services=chosen)
        async with Stack(options) as stack:
            yield stack


@asynccontextmanager
async def stack_at(data_dir: Path | None) -> AsyncIterator[StackAddress]:
    """The stack that runs in `data_dir`, or an empty one of one's own."""
    if data_dir is not None:
        yield find(data_dir)
        return
    async with own_stack() as stack:
        yield find(stack.data_dir)


def parts(data_dir: Path) -> Mapping[str, psutil.Process]:
    """The processes of the stack in `data_dir` by name."""
    state = read_state(data_dir)
    if state is None:
        raise LookupError(f"no stack in {data_dir}")
    return {child.name: psutil.Process(child.process.pid) for child in state.children if child.process is not None}


def processor_seconds(data_dir: Path | None) -> dict[str, float]:
    """What each process of a local stack has used so far, in processor seconds."""
    if data_dir is None:
        return {}
    return {name: sum(process.cpu_times()[:2]) for name, process in parts(data_dir).items()}


def used(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What each has used between two looks."""
    return {name: round(seconds - before[name], 2) for name, seconds in after.items() if name in before}
