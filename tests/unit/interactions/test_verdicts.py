"""Each interaction takes effect once, however often, in whichever batches and in whichever order it is sent."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.interactions.domain import (
    DUPLICATE,
    Accepted,
    Candidate,
    Cause,
    Fault,
    Interaction,
    Refused,
    Source,
    admit,
    decide,
    invalid,
)

NOW = 1_700_000_000_000_000_000
MAIL = Source(source_id="mail", purpose="ties", enabled=True, version=1, created=datetime(2026, 1, 1, tzinfo=UTC))


def mail(number: int, **changes: object) -> Interaction:
    whole = Interaction(
        source="mail",
        interaction_id=f"m-{number}",
        type=2,
        initiator="ada",
        participants=("bob", "eve"),
        time_ns=NOW - number,
    )
    return dataclasses.replace(whole, **changes)  # type: ignore[arg-type]


def any_source(source: str) -> bool:
    return True


def admitted(
    candidate: Candidate, *, source: Source | None = MAIL, may_write: Callable[[str], bool] = any_source
) -> Candidate:
    sources = {} if source is None else {source.source_id: source}
    (found,) = admit([candidate], sources=sources, may_write=may_write, latest_ns=NOW)
    return found


def cause(candidate: Candidate) -> Cause:
    assert isinstance(candidate, Refused)
    return candidate.cause


def test_an_interaction_of_an_open_source_is_admitted() -> None:
    assert admitted(mail(1)) == mail(1)


def test_an_unregistered_source_is_refused() -> None:
    assert cause(admitted(mail(1), source=None)) is Cause.SOURCE_UNKNOWN


def test_a_source_that_is_off_is_refused() -> None:
    assert cause(admitted(mail(1), source=dataclasses.replace(MAIL, enabled=False))) is Cause.SOURCE_OFF


def test_a_source_that_is_not_granted_is_refused_before_anything_is_said_about_it() -> None:
    assert cause(admitted(mail(1), source=None, may_write=lambda source: False)) is Cause.SOURCE_NOT_GRANTED


def test_the_future_is_refused_beyond_the_latest_instant() -> None:
    assert admitted(mail(0)) == mail(0)
    refused = admitted(mail(-1))
    assert cause(refused) is Cause.TIME_IN_FUTURE
    assert isinstance(refused, Refused)
    assert refused.faults == (Fault(field="time", description="lies in the future"),)


def test_a_time_before_the_year_1_is_refused() -> None:
    assert cause(admitted(mail(1, time_ns=-(10**20)))) is Cause.INVALID_FIELD


def test_the_initiator_is_not_a_participant() -> None:
    assert cause(admitted(mail(1, participants=("bob", "ada")))) is Cause.INVALID_FIELD


def test_what_was_refused_for_its_own_sake_stays_refused() -> None:
    broken = invalid(Fault(field="type", description="must be said"))
    assert admitted(broken) is broken
    assert decide([broken], {}, set()) == [broken]


def test_what_is_stored_is_a_duplicate_and_other_content_a_conflict() -> None:
    known = {"mail/m-1": mail(1).content_hash(), "mail/m-2": mail(2, type=1).content_hash()}
    first, second, third = decide([mail(1), mail(2), mail(3)], known, set())
    assert first is DUPLICATE
    assert isinstance(second, Refused)
    assert second.cause is Cause.ID_CONFLICT
    assert third == Accepted(interaction=mail(3), content_hash=mail(3).content_hash())


def test_within_a_batch_the_first_of_an_id_counts() -> None:
    accepted, duplicate, conflict = decide([mail(1), mail(1), mail(1, type=1)], {}, set())
    assert isinstance(accepted, Accepted)
    assert duplicate is DUPLICATE
    assert isinstance(conflict, Refused)


def test_an_erased_person_is_taken_out_and_the_hash_stays_that_of_the_whole() -> None:
    (verdict,) = decide([mail(1)], {}, {"eve"})
    assert verdict == Accepted(interaction=mail(1, participants=("bob",)), content_hash=mail(1).content_hash())


def test_nothing_is_left_of_an_interaction_with_fewer_than_two_people() -> None:
    (verdict,) = decide([mail(1)], {}, {"eve", "ada"})
    assert isinstance(verdict, Refused)
    assert verdict.cause is Cause.PERSON_ERASED


def test_a_repeat_after_an_erasure_is_a_duplicate() -> None:
    assert decide([mail(1)], {"mail/m-1": mail(1).content_hash()}, {"eve", "ada"}) == [DUPLICATE]


@pytest.mark.parametrize("erased", [frozenset(), frozenset({"eve"})], ids=["nobody erased", "one erased"])
@given(data=st.data())
def test_any_batches_repeats_and_orders_store_the_same_set_and_publish_each_once(
    erased: frozenset[str], data: st.DataObject
) -> None:
    wanted = [mail(number) for number in range(8)]
    sent = data.draw(st.permutations(wanted + data.draw(st.lists(st.sampled_from(wanted), max_size=12))))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(sent)))) | {0, len(sent)})
    stored: dict[str, bytes] = {}
    journal: list[Interaction] = []
    for begin, end in pairwise(cuts):
        for verdict in decide(sent[begin:end], stored, erased):
            assert not isinstance(verdict, Refused)
            if isinstance(verdict, Accepted):
                stored[verdict.interaction.record_id] = verdict.content_hash
                journal.append(verdict.interaction)
    assert stored == {each.record_id: each.content_hash() for each in wanted}
    assert sorted(journal, key=lambda each: each.record_id) == [each.without(erased) for each in wanted]
