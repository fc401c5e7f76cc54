"""Broker and services are killed with -9 in the middle of a replay: nothing is lost and nothing is counted twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.kill import VICTIMS, empty_stack, lines, run
from services.cli.connection import find
from tests.e2e.organisation import write


async def kill_run(tmp_path: Path, *, mails: int, size: int, seed: int) -> list[str]:
    """A kill run on an organisation of its own; returns its report in words."""
    files = write(tmp_path, mails=mails, seed=seed)
    async with empty_stack(tmp_path / "stack") as stack:
        report = await run(stack, find(tmp_path / "stack"), files.events, {}, size=size)
    assert [kill.victim for kill in report.kills] == list(VICTIMS)
    for kill in report.kills:
        assert kill.unpublished + kill.graph_lag > 0, kill
        assert 0 < kill.acknowledged_rows < files.rows
    assert report.differences == []
    assert report.clean, report
    assert report.held["documents"] == files.mails
    return list(lines(report))


@pytest.mark.timeout(400)
async def test_a_replay_survives_a_kill_of_the_broker_and_of_each_service_in_the_middle_of_it(tmp_path: Path) -> None:
    await kill_run(tmp_path, mails=2400, size=100, seed=11)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(1, 6))
async def test_longer_replays_survive_it_too(tmp_path: Path, seed: int) -> None:
    print("\n".join(await kill_run(tmp_path, mails=40_000, size=1000, seed=seed)))
