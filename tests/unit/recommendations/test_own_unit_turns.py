"""Members of one unit meet by themselves: they come first in no more than the kind's share of a person's turns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.recommendations.kinds.peer import PEER


@given(person=st.text(min_size=1, max_size=40), first=st.integers(0, 10_000))
def test_in_any_ten_turns_of_a_person_the_own_unit_comes_first_in_four(person: str, first: int) -> None:
    turns = [PEER.own_unit_turn(person, period) for period in range(first, first + 10)]
    assert sum(turns) == 4


def test_on_one_day_the_share_holds_over_people_too() -> None:
    turns = [PEER.own_unit_turn(f"person-{number}", 1) for number in range(2000)]
    assert 0.35 < sum(turns) / len(turns) < 0.45
