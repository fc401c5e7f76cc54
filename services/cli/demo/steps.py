"""What the demo says while it works: a line per step with the time it took, and a bar where a terminal can show one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from services.cli.output import CommandFailed

T = TypeVar("T")
AT_ONCE = 16
POLL_SECONDS = 0.05


@dataclass(slots=True)
class Step:
    """One step while it lasts; `detail` is said when it is done."""

    name: str
    advance: Callable[[int], None]
    detail: str = ""
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Steps:
    """All steps so far, on a console."""

    console: Console
    done: list[Step] = field(default_factory=list)

    def say(self, text: str) -> None:
        """News in between."""
        self.console.print(f"    {escape(text)}", style="dim", soft_wrap=True)

    @contextmanager
    def step(self, name: str, total: int | None = None) -> Iterator[Step]:
        """A step; with a total it has a bar."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            *((BarColumn(), MofNCompleteColumn()) if total else ()),
            TimeElapsedColumn(),
        )
        began = time.monotonic()
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as progress:
            task = progress.add_task(escape(name), total=total)
            step = Step(name, lambda number: progress.advance(task, number))
            try:
                yield step
            except BaseException:
                self.console.print(f"  [red]✗[/] {escape(name)}", soft_wrap=True)
                raise
        step.seconds = time.monotonic() - began
        self.done.append(step)
        detail = f": {step.detail}" if step.detail else ""
        self.console.print(
            f"  [green]✓[/] {escape(name)}{escape(detail)}  [dim]{step.seconds:.1f} s[/]", soft_wrap=True
        )


async def until(
    condition: Callable[[], Awaitable[T | None]], what: str, *, seconds: float = 60.0, poll: float = POLL_SECONDS
) -> T:
    """The first true answer of `condition`, asked every `poll` seconds.

    Raises CommandFailed, which names `what`, when there is none in time.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    while True:
        answer = await condition()
        if answer:
            return answer
        if clock() > deadline:
            raise CommandFailed(f"waited {seconds:.0f} s for {what}, in vain")
        await asyncio.sleep(poll)


async def each(calls: Iterable[Awaitable[T]], at_once: int = AT_ONCE) -> Sequence[T]:
    """The answers of many calls in their order, so many at a time."""
    room = asyncio.Semaphore(at_once)

    async def one(call: Awaitable[T]) -> T:
        async with room:
            return await call

    return await asyncio.gather(*(one(call) for call in calls))
