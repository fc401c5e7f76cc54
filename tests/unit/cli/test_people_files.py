"""Files of people: what is right becomes a request item, what is wrong is named by line and field and left out."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from acquaint.profiles.v1 import profile_pb2
from hypothesis import given
from hypothesis import strategies as st

from services.cli.output import CommandFailed
from services.cli.people import BATCH, BATCH_BYTES, COLUMNS, Row, Tally, batches, read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["person_id", "place", "roles", "joined_on", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)


def loaded(directory: Path, content: str | bytes, name: str = "people.csv") -> tuple[list[Row], Tally]:
    """The rows of a file with this content, and what was refused."""
    path = directory / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    tally = Tally()
    return list(read(path, tally)), tally


def ids(rows: list[Row]) -> list[tuple[int, str]]:
    return [(row.line, row.item.profile.person_id) for row in rows]


def test_every_column_becomes_its_field_and_only_these_are_to_change(tmp_path: Path) -> None:
    cells = dict.fromkeys(COLUMNS, "x") | {
        "person_id": "p1",
        "status": "Alumni",
        "roles": "mentor; Facilitator",
        "joined_on": "2024-02-29",
        "leaving_on": "",
        "skills": " go ;; steel;",
    }
    content = ",".join(cells) + "\n" + ",".join(cells.values()) + "\n"
    (row,), tally = loaded(tmp_path, content)
    profile = row.item.profile
    assert tally.errors == []
    assert (profile.status, profile.joined_on.day) == (profile_pb2.PERSON_STATUS_ALUMNI, 29)
    assert not profile.HasField("leaving_on")
    assert list(profile.skills) == ["go", "steel"]
    assert list(profile.roles) == [profile_pb2.ROLE_MENTOR, profile_pb2.ROLE_FACILITATOR]
    assert (profile.place.site, profile.contact.email, profile.responsibilities[0].subject) == ("x", "x", "x")
    assert len(row.item.update_mask.paths) == len(COLUMNS) - 1
    assert {"place.site", "contact.email", "leaving_on"} <= set(row.item.update_mask.paths)


def test_a_mark_of_the_byte_order_is_no_part_of_the_header(tmp_path: Path) -> None:
    rows, tally = loaded(tmp_path, "\ufeffperson_id,name\r\np1,Jo\r\n")
    assert (ids(rows), tally.errors) == ([(2, "p1")], [])


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("name", "no column person_id, or one twice"),
        ("", "no column person_id, or one twice"),
        ("person_id,name,name", "no column person_id, or one twice"),
        ("person_id,salary", "unknown column 'salary'"),
        ("person_id;name", "unknown column 'person_id;name'"),
    ],
)
def test_another_header_is_refused_with_the_columns_there_are(tmp_path: Path, header: str, said: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        loaded(tmp_path, f"{header}\np1,Jo\n")
    assert f"line 1: {said}; columns are: person_id, email" in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("p2,Jo,active", "joined_on: the row ends before this column"),
        ("p2", "name: the row ends before this column"),
        ("p2,Jo,active,2024-01-01,mentor,more", "6 cells where the header has 5 columns"),
        ("p2,Jo,active,01.02.2024,", "joined_on: '01.02.2024' is no day of the form YYYY-MM-DD"),
        ("p2,Jo,active,2023-02-29,", "joined_on: '2023-02-29' is no day of the form YYYY-MM-DD"),
        ("p2,Jo,king,,", "status: 'king' is not known"),
        ("p2,Jo,active,,mentor;king", "roles: 'king' is not known"),
        (" ,Jo,active,,", "person_id: is empty"),
        ('p2,"Jo" x,active,,', "',' expected after '\"'"),
    ],
)
def test_a_bad_row_is_named_by_line_and_field_and_the_others_are_taken(tmp_path: Path, bad: str, said: str) -> None:
    rows, tally = loaded(
        tmp_path, f'person_id,name,status,joined_on,roles\np1,Jo,,,\n\n{bad}\np3,"Bo\nLine",,,\np4,Al,,,\n'
    )
    assert ids(rows) == [(2, "p1"), (5, "p3"), (7, "p4")]
    assert tally.refused == 1
    ((line, text),) = tally.errors
    assert line == 4
    assert said in text


def test_a_quote_that_is_never_closed_is_named_where_it_opens(tmp_path: Path) -> None:
    rows, tally = loaded(tmp_path, 'person_id,name\np1,Jo\np2,"Bo\np3,Al\n')
    assert ids(rows) == [(2, "p1")]
    assert tally.errors == [(3, "unexpected end of data")]


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
def test_a_line_that_is_not_utf8_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandFailed, match="line 2: is not UTF-8 at byte 3"):
        loaded(tmp_path, b"person_id\np1\xff\n" if name.endswith("csv") else b"\n  \xff\n", name)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"absent\.csv: No such file"):
        list(read(tmp_path / "absent.csv", Tally()))


def test_json_lines_are_profiles_in_the_mapping_of_protobuf(tmp_path: Path) -> None:
    people: list[Any] = [{"personId": "p1", "joinedOn": {"year": 2024}}, {"person_id": "p2", "roles": ["ROLE_MENTOR"]}]
    rows, tally = loaded(tmp_path, "\n\n".join(json.dumps(person) for person in people), "people.jsonl")
    assert (ids(rows), tally.errors) == ([(1, "p1"), (3, "p2")], [])
    assert rows[0].item.profile.joined_on.year == 2024
    assert not rows[0].item.HasField("update_mask")


@pytest.mark.parametrize(
    "bad",
    ["{", "[]", "7", "null", '"p2"', '{"person_id": 7}', '{"salary": 1}', '{"status": "KING"}', "[" * 100_000, "NaN"],
)
def test_json_that_does_not_map_is_named_by_line_and_the_others_are_taken(tmp_path: Path, bad: str) -> None:
    rows, tally = loaded(tmp_path, f'{{"person_id": "p1"}}\n{bad}\n{{"person_id": "p3"}}\n', "people.jsonl")
    assert ids(rows) == [(1, "p1"), (3, "p3")]
    ((line, text),) = tally.errors
    assert line == 2
    assert text.startswith("does not map to a profile")


@given(JSON)
def test_any_json_is_a_profile_or_named(document: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        rows, tally = loaded(Path(name), json.dumps(document), "people.jsonl")
    assert len(rows) + len(tally.errors) == 1


@given(st.binary(max_size=200), st.sampled_from(["people.csv", "people.jsonl"]))
def test_whatever_a_file_holds_is_read_or_refused_in_a_sentence(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as directory, suppress(CommandFailed):  # and nothing else
        loaded(Path(directory), b"person_id,name,joined_on\n" + content, name)


async def test_batches_fit_into_a_call_and_hold_every_row_once(tmp_path: Path) -> None:
    many = "".join(f"p{number},{'x' * (20_000 if number < 900 else 10)}\n" for number in range(2000))
    rows, _ = loaded(tmp_path, f"person_id,name\n{many}")
    found = [batch async for batch in batches(iter(rows))]
    assert [row for batch in found for row in batch] == rows
    for batch in found:
        assert 0 < len(batch) <= BATCH
        assert sum(row.item.ByteSize() for row in batch) <= BATCH_BYTES
