"""Ports: usual when free, another when taken, the same again after a restart."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.devstack.errors import PortTaken
from services.devstack.ports import FIRST, LAST, LOOPBACK, PortBook, free_port, is_free


@pytest.fixture
def taken() -> Iterator[int]:
    with closing(socket.create_server((LOOPBACK, 0))) as server:
        yield server.getsockname()[1]


def test_the_usual_port_is_taken_when_it_is_free(tmp_path: Path) -> None:
    usual = free_port()
    assert PortBook(tmp_path).choose("broker", usual=usual) == usual


def test_another_port_is_chosen_when_the_usual_one_is_taken(tmp_path: Path, taken: int) -> None:
    port = PortBook(tmp_path).choose("broker", usual=taken)
    assert port != taken
    assert is_free(port)


def test_a_port_asked_for_by_number_is_refused_when_it_is_taken(tmp_path: Path, taken: int) -> None:
    with pytest.raises(PortTaken, match=f"port {taken} for broker is taken"):
        PortBook(tmp_path).choose("broker", exactly=taken)


def test_a_chosen_port_is_kept_while_it_is_free(tmp_path: Path) -> None:
    first = PortBook(tmp_path).choose("broker")
    assert PortBook(tmp_path).choose("broker", usual=free_port(frozenset({first}))) == first


def test_a_remembered_port_that_is_taken_gives_way_to_another(tmp_path: Path) -> None:
    remembered = PortBook(tmp_path).choose("broker")
    with closing(socket.create_server((LOOPBACK, remembered))):
        assert PortBook(tmp_path).choose("broker") != remembered


def test_two_names_never_share_a_port(tmp_path: Path) -> None:
    usual = free_port()
    book = PortBook(tmp_path)
    assert book.choose("broker", usual=usual) != book.choose("database", usual=usual)


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"broker": "x"}'])
def test_a_damaged_book_is_begun_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / "ports.json").write_text(content)
    port = PortBook(tmp_path).choose("broker")
    assert PortBook(tmp_path).remembered() == {"broker": port}


def test_ports_are_drawn_from_below_those_of_outgoing_connections() -> None:
    assert FIRST <= free_port() <= LAST < 32_768
