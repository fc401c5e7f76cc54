"""Broker and services are killed with -9 in the middle of a replay: nothing is lost and nothing is counted twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.kill import VICTIMS, empty_stack, run
from services.cli.connection import find
from tests.e2e.organisation import write


@pytest.mark.timeout(400)
async def test_a_replay_survives_a_kill_of_the_broker_and_of_each_service_in_the_middle_of_it(tmp_path: Path) -> None:
    files = write(tmp_path, mails=2400, seed=11)
    async with empty_stack(tmp_path / "stack") as stack:
        report = await run(stack, find(tmp_path / "stack"), files.events, {}, size=100)
    assert [kill.victim for kill in report.kills] == list(VICTIMS)
    for kill in report.kills:
        assert kill.unpublished + kill.graph_lag > 0, kill
        assert 0 < kill.acknowledged_rows < files.rows
    assert report.differences == []
    assert report.clean, report
    assert report.held["documents"] == files.mails
