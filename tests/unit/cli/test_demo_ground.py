"""The demo's directory: emptied when it is the demo's own, left alone when it is anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.demo import ground
from services.cli.demo.answering import ACCEPT, DECLINE, LATER, SILENCE, mind
from services.cli.demo.futures import shared
from services.cli.demo.organisation import simulate
from services.cli.output import CommandFailed
from tests.unit.cli.demo_world import TODAY


async def test_a_directory_that_holds_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    precious = tmp_path / "letters.txt"
    precious.write_text("mine")
    with pytest.raises(CommandFailed, match="not a demo's"):
        await ground.start(tmp_path, print)
    assert precious.read_text() == "mine"


def test_a_directory_of_an_earlier_demo_is_emptied_and_known_again(tmp_path: Path) -> None:
    own = tmp_path / "demo"
    assert not ground.foreign(own)
    ground.empty(own)
    (own / "report.html").write_text("old")
    assert not ground.foreign(own)
    ground.empty(own)
    assert [path.name for path in own.iterdir()] == [ground.MARK]


def test_the_same_invitation_is_answered_alike_and_yes_is_likelier_the_more_is_shared() -> None:
    organisation = simulate(TODAY)
    one = organisation.members[40]
    near = max((each for each in organisation.members if each is not one), key=lambda each: shared(one, each))
    far = min((each for each in organisation.members if each is not one), key=lambda each: shared(one, each))
    answers = {other: [mind(one, other, f"i{number}") for number in range(2000)] for other in (near, far)}
    assert answers[near] == [mind(one, near, f"i{number}") for number in range(2000)]
    assert answers[near].count(ACCEPT) > answers[far].count(ACCEPT)
    assert set(answers[far]) == {ACCEPT, DECLINE, LATER, SILENCE}
