"""Digests say whether two stores hold the same ids, whatever the order in which these were read."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from services.cli.verify.digests import Digest, id_hash

IDS = st.sets(st.text(max_size=20), max_size=40)


def digest(ids: list[str]) -> Digest:
    found = Digest()
    for each in ids:
        found.add(each)
    return found


@given(IDS.flatmap(lambda ids: st.tuples(st.permutations(sorted(ids)), st.permutations(sorted(ids)))))
def test_the_order_makes_no_difference(orders: tuple[list[str], list[str]]) -> None:
    one, other = orders
    assert digest(one) == digest(other)
    assert digest(one).differs(digest(other)) == ""


@given(IDS, st.text(max_size=20))
def test_one_more_id_is_a_difference_of_the_count(ids: set[str], more: str) -> None:
    held = digest(sorted(ids))
    other = digest([*ids, more])
    assert held.differs(other) == f"{len(ids)} records, not {len(ids) + 1}"


@given(IDS, st.text(max_size=20), st.text(max_size=20))
def test_another_id_among_as_many_is_a_difference_of_the_sum(ids: set[str], one: str, other: str) -> None:
    text = digest([*ids, one]).differs(digest([*ids, other]))
    assert bool(text) is (one != other)
    assert not text or text.endswith("as many, but with other ids")


@given(IDS)
def test_the_sum_stays_within_64_bits(ids: set[str]) -> None:
    assert digest(sorted(ids)).id_sum == sum(id_hash(each) for each in ids) % 2**64


def test_the_hash_is_the_one_the_services_document() -> None:
    assert id_hash("replay/a-1") == int.from_bytes(hashlib.blake2b(b"replay/a-1", digest_size=8).digest(), "little")
