"""When poison is too much: counted in order, over a window, and independent of how records fall into batches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.platform.consumer.tally import MOST_SOURCES, Limits, SourceTally, TopicTally, Window

LIMITS = Limits(run=20, share=0.05, window=1000, minimum=20)
SMALL = Limits(run=3, share=0.25, window=20, minimum=4)


def test_twenty_in_a_row_are_borne_and_the_twenty_first_is_not() -> None:
    assert TopicTally(LIMITS).add(20, range(20)) is None
    assert TopicTally(LIMITS).add(30, range(30)) == 20


def test_a_good_record_ends_a_row() -> None:
    tally = TopicTally(LIMITS)
    assert tally.add(21, range(20)) is None
    assert tally.add(20, range(20)) is None


def test_one_in_twenty_of_a_thousand_is_too_much() -> None:
    assert TopicTally(LIMITS).add(1000, range(0, 1000, 20)) == 980
    assert TopicTally(LIMITS).add(1000, range(0, 980, 20)) is None


def test_what_left_the_window_no_longer_counts() -> None:
    tally = TopicTally(LIMITS)
    assert tally.add(1000, range(0, 49 * 2, 2)) is None
    assert tally.add(1000, []) is None
    assert tally.add(1000, range(0, 49 * 2, 2)) is None


@given(
    outcomes=st.lists(st.booleans(), max_size=80),
    cuts=st.lists(st.integers(min_value=1, max_value=10), min_size=1, max_size=80),
)
def test_batches_do_not_change_the_verdict(outcomes: list[bool], cuts: list[int]) -> None:
    whole = TopicTally(SMALL).add(len(outcomes), [index for index, bad in enumerate(outcomes) if bad])
    tally, start, found = TopicTally(SMALL), 0, None
    for size in cuts * len(outcomes):
        part = outcomes[start : start + size]
        index = tally.add(len(part), [index for index, bad in enumerate(part) if bad])
        if index is not None:
            found = start + index
            break
        start += size
    assert found == whole


@given(outcomes=st.lists(st.booleans(), max_size=100))
def test_a_window_counts_what_its_last_records_were(outcomes: list[bool]) -> None:
    window = Window(10)
    for bad in outcomes:
        if bad:
            window.bad()
        else:
            window.good()
    assert window.poison == sum(outcomes[-10:])
    assert window.seen == len(outcomes[-10:])


def test_a_try_leaves_the_tally_as_it_was() -> None:
    tally = TopicTally(LIMITS)
    tally.copy().add(20, range(20))
    assert tally.window.poison == 0
    sources = SourceTally(SMALL)
    sources.add({}, [(index, "feed") for index in range(3)])
    sources.copy().add({}, [(index, "feed") for index in range(3)])
    assert sources.add({}, []) is None


def test_a_source_is_judged_by_its_own_records_only() -> None:
    tally = SourceTally(SMALL)
    assert tally.add({"good": 1000}, [(index, "bad") for index in range(3)]) is None
    assert tally.add({"good": 1000}, [(7, "bad"), (8, "other")]) == (7, "bad")


def test_a_source_within_its_share_is_left_in_peace() -> None:
    assert SourceTally(SMALL).add({"feed": 16}, [(index, "feed") for index in range(4)]) is None
    assert SourceTally(SMALL).add({"feed": 11}, [(index, "feed") for index in range(4)]) == (3, "feed")


def test_a_released_source_starts_afresh() -> None:
    tally = SourceTally(SMALL)
    assert tally.add({}, [(index, "feed") for index in range(4)]) == (3, "feed")
    tally.forget("feed")
    assert tally.add({}, [(index, "feed") for index in range(3)]) is None


def test_sources_without_number_take_no_room_without_end() -> None:
    tally = SourceTally(SMALL)
    tally.add({f"source-{number}": 1 for number in range(MOST_SOURCES + 5)}, [])
    assert len(tally._windows) == MOST_SOURCES
