"""The demo in a pipe: the whole job on a stack of its own, a report, and nothing left running."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.devstack.state import read_state
from tests.e2e.command import Acquaint


@pytest.mark.timeout(300)
async def test_the_demo_makes_introductions_keeps_every_promise_and_stops_its_stack(tmp_path: Path) -> None:
    demo = Acquaint(data_dir=tmp_path / "demo")
    told = await demo.json("demo")
    assert told["ok"]
    assert told["verify"]["clean"], told["verify"]
    held = told["verify"]["held"]
    assert {held[store] for store in ("documents", "journal", "topic", "graph")} == {told["interactions"]}
    assert told["interactions"] > 25_000
    assert told["introductions"] >= 100
    assert all(told["answers"].values()), "every kind of answer was given"
    assert told["decline_unnoticed"]
    assert told["boundary_held"]
    report = await asyncio.to_thread(Path(told["report"]).read_text)
    assert "<svg" in report
    assert told["stopped"]
    assert read_state(tmp_path / "demo") is None
    refused = await demo("inbox", told["newcomer"], code=1)
    assert "no stack runs" in refused.err
