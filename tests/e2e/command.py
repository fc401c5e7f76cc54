"""The `acquaint` command as people call it: a process of its own, its JSON, its exit code."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a call printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquaint:
    """Calls on one stack."""

    data_dir: Path

    async def __call__(self, *arguments: str, code: int = 0) -> Outcome:
        """Run a command; fails when it ends otherwise than expected."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.cli", *arguments, "--data-dir", str(self.data_dir)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        outcome = Outcome(code=process.returncode or 0, out=out.decode(), err=err.decode())
        assert outcome.code == code, outcome
        return outcome

    async def json(self, *arguments: str, code: int = 0) -> Any:
        """Run a command with --json and return what it printed."""
        return (await self(*arguments, "--json", code=code)).data
