"""A page token leads to the next page of its own query and to nothing else."""

from __future__ import annotations

import pytest
from acquaint.errors.v1 import error_reason_pb2
from acquaint.profiles.v1.boundary_service_pb2 import ListBoundariesRequest
from acquaint.profiles.v1.profile_service_pb2 import ListProfilesRequest
from hypothesis import given
from hypothesis import strategies as st

from services.platform import paging
from services.platform.errors import ServiceError

positions = st.lists(st.one_of(st.text(), st.integers(min_value=-(2**63), max_value=2**63)), max_size=3)


def refusal(request: ListProfilesRequest | ListBoundariesRequest) -> ServiceError:
    with pytest.raises(ServiceError) as refused:
        paging.decode(request)
    return refused.value


@given(position=positions)
def test_a_token_brings_its_position_back(position: list[str | int]) -> None:
    token = paging.encode(ListProfilesRequest(unit_prefix="ops", page_size=7), *position)
    assert paging.decode(ListProfilesRequest(unit_prefix="ops", page_token=token)) == tuple(position)


def test_the_first_page_has_no_position() -> None:
    assert paging.decode(ListProfilesRequest()) is None


def test_a_token_of_another_filter_is_refused() -> None:
    token = paging.encode(ListProfilesRequest(unit_prefix="ops"), "p1")
    error = refusal(ListProfilesRequest(unit_prefix="sales", page_token=token))
    assert error.reason == error_reason_pb2.ERROR_REASON_PAGE_TOKEN_INVALID
    assert [violation.field for violation in error.violations] == ["page_token"]


def test_a_token_of_another_method_is_refused() -> None:
    token = paging.encode(ListProfilesRequest(), "p1")
    assert refusal(ListBoundariesRequest(page_token=token))


@given(position=positions, where=st.integers(min_value=0), change=st.integers(min_value=1, max_value=63))
def test_a_damaged_token_is_refused(position: list[str | int], where: int, change: int) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = paging.encode(ListProfilesRequest(), *position)
    at = where % (len(token) - 1)  # the last character may hold bits that mean nothing
    other = alphabet[(alphabet.index(token[at]) + change) % 64]
    assert refusal(ListProfilesRequest(page_token=token[:at] + other + token[at + 1 :]))


@given(token=st.text(min_size=1))
def test_any_other_text_is_refused(token: str) -> None:
    assert refusal(ListProfilesRequest(page_token=token))


def test_a_page_has_the_asked_size_up_to_the_maximum() -> None:
    assert paging.size(ListProfilesRequest()) == 100
    assert paging.size(ListProfilesRequest(page_size=3)) == 3
    assert paging.size(ListProfilesRequest(page_size=900), maximum=500) == 500
