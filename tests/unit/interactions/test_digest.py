"""Equal sets of ids have equal digests in any order; a set that differs has another one."""

from __future__ import annotations

from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from services.interactions.domain import Digest


def digest(ids: list[str]) -> tuple[int, int]:
    found = Digest()
    found.add(ids)
    return found.count, found.id_sum


def test_the_sum_is_that_of_the_published_definition() -> None:
    ids = ["mail/m-1", "chat/ü"]
    total = sum(int.from_bytes(blake2b(each.encode(), digest_size=8).digest()[:8], "little") for each in ids)
    assert digest(ids) == (2, total % 2**64)


@given(st.lists(st.text(max_size=6), unique=True))
def test_the_order_does_not_matter(ids: list[str]) -> None:
    assert digest(ids) == digest(sorted(ids, reverse=True))


@given(st.lists(st.text(max_size=6), unique=True, min_size=1))
def test_a_missing_or_repeated_id_shows(ids: list[str]) -> None:
    assert digest(ids[1:]) != digest(ids)
    assert digest([*ids, ids[0]]) != digest(ids)
