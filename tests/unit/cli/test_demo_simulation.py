"""The demo's organisation: always the same for the same day, by the rules that are printed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from services.cli.demo.futures import Future, first_meetings, random_pairs, run, ties_over_time
from services.cli.demo.history import DAYS, Habits, Happening, half_a_year
from services.cli.demo.network import Network, measure, pair, ties
from services.cli.demo.organisation import NEWCOMERS, PEOPLE, Organisation, simulate

TODAY = date(2026, 3, 2)
History = tuple[Organisation, Habits, Sequence[Happening]]


@pytest.fixture(scope="module")
def history() -> History:
    organisation = simulate(TODAY)
    return organisation, *half_a_year(organisation)


def fingerprint(events: Sequence[Happening]) -> str:
    return hashlib.sha256("".join(map(repr, events)).encode()).hexdigest()


def test_the_same_day_gives_the_same_organisation_and_the_same_half_year(history: History) -> None:
    organisation, _, past = history
    again = simulate(TODAY)
    assert again == organisation
    assert half_a_year(again)[1] == past


def test_another_process_with_other_hashes_simulates_the_same(history: History) -> None:
    program = (
        "import hashlib, datetime\n"
        "from services.cli.demo.history import half_a_year\n"
        "from services.cli.demo.organisation import simulate\n"
        f"_, past = half_a_year(simulate(datetime.date({TODAY.year}, {TODAY.month}, {TODAY.day})))\n"
        "print(hashlib.sha256(''.join(map(repr, past)).encode()).hexdigest())\n"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == fingerprint(history[2])


def test_the_organisation_is_as_its_rules_say(history: History) -> None:
    organisation, _, past = history
    assert len(organisation.members) == len({member.person_id for member in organisation.members}) == PEOPLE
    assert len({member.name for member in organisation.members}) == PEOPLE
    assert len(organisation.newcomers) == NEWCOMERS
    assert all(TODAY - member.since <= timedelta(days=45) for member in organisation.newcomers)
    assert organisation.leaver.leaving_on is not None
    assert len({member.zone for member in organisation.members}) == 4
    assert 0.05 < sum(not member.joined for member in organisation.members) / PEOPLE < 0.15
    assert all(len(set(project)) == len(project) >= 5 for project in organisation.projects)
    assert 25_000 < len(past) < 40_000


def test_managers_head_the_unit_of_their_people(history: History) -> None:
    organisation, _, _ = history
    for member in organisation.members:
        if member.manager_id:
            assert organisation[member.manager_id].group == member.group


def test_every_interaction_has_an_id_of_its_own_and_names_nobody_twice(history: History) -> None:
    _, _, past = history
    assert len({event.id for event in past}) == len(past)
    for event in past:
        assert 1 <= len(event.participants) <= 200
        assert len({event.initiator, *event.participants}) == len(event.participants) + 1


def test_nobody_acts_before_their_first_day_or_after_their_last_or_at_the_weekend(history: History) -> None:
    organisation, habits, past = history
    for event in (*past, *run("without", organisation, habits, past, []).events):
        assert event.day.weekday() < 5
        for person in (event.initiator, *event.participants):
            member = organisation[person]
            assert member.since <= event.day
            assert member.leaving_on is None or event.day <= member.leaving_on


def test_the_past_lies_in_the_past_in_the_order_in_which_it_happened(history: History) -> None:
    _, _, past = history
    assert [event.at for event in past] == sorted(event.at for event in past)
    assert past[-1].day < TODAY
    assert past[0].day >= TODAY - timedelta(days=DAYS)


def test_futures_with_equal_introductions_are_equal(history: History) -> None:
    organisation, habits, past = history
    pairs = random_pairs(organisation, past, 30)
    assert run("one", organisation, habits, past, pairs).events == run("two", organisation, habits, past, pairs).events


def test_futures_are_equal_until_the_first_introduced_pair_has_met(history: History) -> None:
    organisation, habits, past = history
    without = run("without", organisation, habits, past, [])
    introduced = run("with", organisation, habits, past, random_pairs(organisation, past, 5))
    first = min(introduced.meetings.values())
    assert until(without, first) == until(introduced, first)
    assert without.events != introduced.events


def until(future: Future, day: date) -> list[Happening]:
    return [event for event in future.events if event.day < day]


def test_a_future_leaves_the_habits_of_the_past_as_they_were(history: History) -> None:
    organisation, habits, past = history
    before = habits.copy()
    run("with", organisation, habits, past, random_pairs(organisation, past, 5))
    assert habits == before


def test_random_introductions_are_of_people_who_joined_and_never_met(history: History) -> None:
    organisation, _, past = history
    known = {pair(event.initiator, other) for event in past for other in event.participants}
    found = random_pairs(organisation, past, 120)
    assert len(set(found)) == 120
    assert not known & set(found)
    assert all(organisation[person].joined for introduced in found for person in introduced)


def test_four_introduced_pairs_in_five_meet_within_two_weeks() -> None:
    pairs = [(f"a{number}", f"b{number}") for number in range(2000)]
    meetings = first_meetings(pairs, TODAY)
    assert 0.77 < len(meetings) / len(pairs) < 0.83
    assert {(day - TODAY).days for day in meetings.values()} == set(range(14))


def test_a_tie_is_two_contacts_of_two_people_alone_in_sixty_days(history: History) -> None:
    _, _, past = history
    network = ties(past, TODAY)
    a, b = min(network.ties)
    own = [
        event
        for event in past
        if pair(event.initiator, event.participants[0]) == (a, b)
        and len(event.participants) == 1
        and event.day > TODAY - timedelta(days=60)
    ]
    assert len(own) >= 2
    assert (a, b) not in ties(own[:1], TODAY).ties


def test_measures_of_a_line_of_people_are_exact(history: History) -> None:
    organisation, _, _ = history
    newcomer, *others = [organisation.newcomers[0].person_id, *(m.person_id for m in organisation.members[:3])]
    line = [pair(newcomer, others[0]), pair(others[0], others[1]), pair(others[1], others[2])]
    network = Network.of(line)
    found = measure(organisation, network)
    assert network.steps(newcomer) == [1, 1, 1]
    assert found.ties == 3
    assert found.mean_distance == pytest.approx((3 * 1 + 2 * 2 + 1 * 3) / 6)
    assert found.newcomer_ties == pytest.approx(1 / NEWCOMERS)
    assert found.newcomer_reach == pytest.approx(2 / NEWCOMERS)
    assert found.across_units == sum(organisation[a].group != organisation[b].group for a, b in line)


def test_ties_over_time_end_where_the_network_does(history: History) -> None:
    organisation, habits, past = history
    future = run("without", organisation, habits, past, [])
    person = organisation.newcomers[0].person_id
    series = ties_over_time(future, organisation, person)
    assert series[0] == (TODAY, ties(past, TODAY).degree(person))
    last = TODAY + timedelta(days=90)
    assert series[-1] == (last, ties(future.events, last).degree(person))
