"""The directory keeps the highest version of each state in whatever order they come, and an erasure for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from acquaint.profiles.v1.profile_pb2 import Absence, Availability, Day, Profile
from hypothesis import given, settings
from hypothesis import strategies as st

from services.recommendations.directory import states
from services.recommendations.directory.people import People
from services.recommendations.domain.kinds import Kind
from services.recommendations.domain.people import apart
from tests.unit.recommendations.people import NOW, enter, person

STATES = st.tuples(st.sampled_from(("visible", "private", "erased")), st.integers(1, 4))


def arrive(people: People, kind: str, version: int) -> None:
    profile = Profile(person_id="ada", manager_id=f"m{version}", fields=[f"f{version}"])
    match kind:
        case "visible":
            people.show("ada", version, profile)
        case "private":
            people.confide("ada", version, profile, frozenset({f"b{version}"}))
        case _:
            people.erase("ada")


@given(arrivals=st.lists(STATES, max_size=8), seed=st.randoms())
@settings(max_examples=200, deadline=None)
def test_the_order_of_arrival_does_not_matter(arrivals, seed) -> None:
    one, other = People(), People()
    shuffled = list(arrivals)
    seed.shuffle(shuffled)
    for kind, version in arrivals:
        arrive(one, kind, version)
    for kind, version in shuffled:
        arrive(other, kind, version)
    assert one.get("ada") == other.get("ada")
    for named in ("m1", "m2", "m3", "m4"):
        assert one.reports(named) == other.reports(named)
    for named in ("b1", "b2", "b3", "b4"):
        assert one.barred_by(named) == other.barred_by(named)


def test_an_erasure_is_final_whatever_comes_later():
    people = People()
    enter(people, Profile(person_id="ada", manager_id="bob"), boundaries={"ada": {"eve"}})
    assert people.erase("ada")
    assert not people.show("ada", 99, Profile(person_id="ada"))
    assert people.get("ada") is None
    assert people.erased("ada")
    assert people.reports("bob") == people.barred_by("eve") == frozenset()


def test_nobody_is_live_before_the_visible_state_is_there():
    people = People()
    people.confide("ada", 1, Profile(person_id="ada"), frozenset())
    assert people.get("ada") is None


def test_who_has_no_private_state_yet_takes_no_part_and_ends_nothing():
    people = People()
    people.show("ada", 1, Profile(person_id="ada"))
    ada = people.get("ada")
    assert ada is not None
    assert not ada.may_be_introduced(Kind.PEER, NOW)
    assert not apart(ada, person("bob"), NOW)


def test_consent_taken_back_a_pause_and_a_boundary_keep_people_apart():
    free = person("ada")
    assert not apart(free, person("bob"), NOW)
    assert apart(free, person("bob", wishes={"pause_until": NOW + timedelta(days=1)}), NOW)
    assert apart(free, states_of("bob", joined=False), NOW)
    assert apart(states_of("ada", boundaries={"bob"}), person("bob"), NOW)


def states_of(person_id: str, *, joined: bool = True, boundaries: set[str] | None = None):
    people = People()
    profile = Profile(person_id=person_id)
    profile.joining.joined = joined
    profile.joining.informed_at.FromDatetime(NOW)
    enter(people, profile, boundaries={person_id: boundaries or set()})
    found = people.get(person_id)
    assert found is not None
    return found


def test_joining_counts_only_with_the_notice():
    people = People()
    profile = Profile(person_id="ada")
    profile.joining.joined = True
    enter(people, profile)
    ada = people.get("ada")
    assert ada is not None
    assert not ada.wishes.takes_part


def day(year: int, month: int, number: int) -> Day:
    return Day(year=year, month=month, day=number)


def test_leave_covers_whole_days_of_the_persons_own_zone():
    away = Absence(**{"from": day(2026, 3, 3), "to": day(2026, 3, 4)})
    wishes = states.wishes(Profile(time_zone="Asia/Tokyo", availability=Availability(leave=[away])))
    assert wishes.away == ((datetime(2026, 3, 2, 15, 0, tzinfo=UTC), datetime(2026, 3, 4, 15, 0, tzinfo=UTC)),)
    assert wishes.available(NOW)
    assert wishes.next_change(NOW) == datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    assert not wishes.available(datetime(2026, 3, 2, 15, 0, tzinfo=UTC))


def test_leave_that_is_no_date_and_a_zone_that_is_none_are_passed_over():
    wrong = Absence(**{"from": day(2026, 2, 30), "to": day(2026, 3, 4)})
    wishes = states.wishes(Profile(time_zone="Nowhere/At all", availability=Availability(leave=[wrong])))
    assert wishes.away == ()


def test_a_cap_is_by_number_and_by_time():
    assert person("a").wishes.cap(30) == 4
    assert person("a", wishes={"monthly_minutes": 60}).wishes.cap(30) == 2
    assert person("a", wishes={"monthly_cap": 0}).wishes.cap(30) == 0
    assert person("a", wishes={"monthly_minutes": 20}).wishes.cap(30) == 0
