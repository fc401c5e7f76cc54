"""A file of t,src,dst becomes interactions: always the same ones, each row in one, and a bad row is named."""

from __future__ import annotations

import csv
import gzip
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.output import CommandFailed
from services.cli.replay.reading import MAXIMUM_PARTICIPANTS, Event, checksum, events, labels, rows, survey

Rows = list[tuple[int, str, str]]
PEOPLE = ("a", "b", "c", "d")
# Few people at few times, so that rows of one sender, of several senders and repeated rows stand beside one another.
ROW = st.tuples(st.integers(0, 3), st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)).filter(
    lambda row: row[1] != row[2]
)
FILES = st.lists(ROW, min_size=1, max_size=40).map(lambda drawn: sorted(drawn, key=lambda row: row[0]))


def write(directory: Path, content: str, name: str = "events.csv") -> Path:
    path = directory / name
    path.write_text(content)
    return path


def grouped(drawn: Rows) -> list[Event]:
    """The interactions of a file with these rows."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "events.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["t", "src", "dst"])
            writer.writerows(drawn)
        return list(events(path))


@given(FILES)
def test_every_row_is_in_exactly_one_interaction(drawn: Rows) -> None:
    found = Counter((event.time, event.initiator, dst) for event in grouped(drawn) for dst in event.participants)
    assert found == Counter(drawn)


@given(FILES)
def test_rows_of_one_sender_and_time_are_one_interaction_unless_one_repeats(drawn: Rows) -> None:
    interactions = Counter((event.time, event.initiator) for event in grouped(drawn))
    repeats = Counter(drawn)
    for (time, src), count in interactions.items():
        assert count == max(number for (t, s, _), number in repeats.items() if (t, s) == (time, src))


@given(FILES)
def test_nobody_is_in_an_interaction_twice(drawn: Rows) -> None:
    for event in grouped(drawn):
        people = [event.initiator, *event.participants]
        assert len(set(people)) == len(people)


@given(FILES)
def test_an_interaction_is_named_by_the_line_of_its_first_row(drawn: Rows) -> None:
    found = grouped(drawn)
    for event in found:
        assert drawn[event.line - 2] == (event.time, event.initiator, event.participants[0])
    assert len({event.line for event in found}) == len(found)


@given(FILES)
def test_interactions_come_in_the_order_of_time(drawn: Rows) -> None:
    found = grouped(drawn)
    assert [event.time for event in found] == sorted(event.time for event in found)


def test_rows_between_those_of_another_sender_belong_together() -> None:
    found = grouped([(1, "a", "b"), (1, "c", "d"), (1, "a", "c"), (1, "a", "b"), (2, "a", "d")])
    assert [(event.line, event.initiator, event.participants) for event in found] == [
        (2, "a", ["b", "c"]),
        (3, "c", ["d"]),
        (5, "a", ["b"]),
        (6, "a", ["d"]),
    ]


def test_an_interaction_has_no_more_participants_than_the_service_takes() -> None:
    many = [(1, "a", f"p{number}") for number in range(2 * MAXIMUM_PARTICIPANTS + 1)]
    assert [event.rows for event in grouped(many)] == [MAXIMUM_PARTICIPANTS, MAXIMUM_PARTICIPANTS, 1]


def test_a_packed_file_is_read_like_a_plain_one(tmp_path: Path) -> None:
    text = "t,src,dst\n1,a,b\n1,a,c\n"
    packed = tmp_path / "events.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert list(events(packed)) == list(events(write(tmp_path, text)))


def test_a_summary_tells_rows_people_and_times(tmp_path: Path) -> None:
    summary = survey(write(tmp_path, "t,src,dst,subject\n5,b,a,x\n5.9,b,c,y\n\n7,a,c,z\n"))
    assert (summary.rows, summary.people, summary.first, summary.last) == (3, ("b", "a", "c"), 5, 7)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("x,a,b", "line 3: t: 'x' is not a number of seconds"),
        (",a,b", "line 3: t: '' is not a number of seconds"),
        ("nan,a,b", "line 3: t: 'nan' is not a number of seconds"),
        ("inf,a,b", "line 3: t: 'inf' is not a number of seconds"),
        ("1600000000000,a,b", "line 3: t: '1600000000000' is not a number of seconds"),
        ("4,,b", "line 3: src: ''"),
        ("4,a,", "line 3: dst: ''"),
        ("4,a b,c", "line 3: src: 'a b' is not printable ASCII without blanks"),
        ("4,a,ü", "line 3: dst: 'ü' is not printable ASCII without blanks"),
        ("4,a,b\x00", "line 3: dst: 'b\\x00' is not printable ASCII without blanks"),
        ("4,a,a", "line 3: dst: is the same as src"),
        ("2,a,b", "line 3: t: 2 comes after 3; sort the file by t"),
        ("4,a", "line 3: 2 cells where the header has 3"),
        ("4,a,b,c", "line 3: 4 cells where the header has 3"),
    ],
)
def test_a_bad_row_is_named_by_line_and_column(tmp_path: Path, bad: str, said: str) -> None:
    path = write(tmp_path, f"t,src,dst\n3,a,b\n{bad}\n5,a,c\n")
    with pytest.raises(CommandFailed) as caught:
        survey(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("header", ["", "src,dst,t", "T,src,dst", "1,a,b"])
def test_a_file_with_another_header_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(CommandFailed, match="line 1: the header must be t,src,dst"):
        survey(write(tmp_path, f"{header}\n1,a,b\n"))


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="has no rows"):
        survey(write(tmp_path, "t,src,dst\n"))


def test_a_mark_of_the_byte_order_is_no_part_of_the_header(tmp_path: Path) -> None:
    assert survey(write(tmp_path, "\ufefft,src,dst\n1,a,b\n")).rows == 1


def test_a_packed_file_that_was_cut_off_is_said_to_be_unreadable(tmp_path: Path) -> None:
    whole = gzip.compress(("t,src,dst\n" + "".join(f"{n},a{n},b\n" for n in range(9999))).encode())
    path = tmp_path / "events.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CommandFailed, match=r"after line \d+: cannot be read"):
        survey(path)


@pytest.mark.parametrize("at", [0, 12, 40])
def test_a_packed_file_that_was_damaged_is_said_to_be_unreadable(tmp_path: Path, at: int) -> None:
    damaged = bytearray(gzip.compress(b"t,src,dst\n" + b"".join(b"%d,a%d,b\n" % (n, n) for n in range(999))))
    damaged[at : at + 20] = b"\xff" * 20
    path = tmp_path / "events.csv.gz"
    path.write_bytes(damaged)
    with pytest.raises(CommandFailed, match="cannot be read"):
        survey(path)


def test_a_file_that_is_not_utf8_is_said_to_be_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"t,src,dst\n1,a,b\n2,\xff,b\n")
    with pytest.raises(CommandFailed, match="cannot be read"):
        survey(path)


@pytest.mark.parametrize("name", ["absent.csv", "absent.csv.gz"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    for read in (survey, checksum, labels):
        with pytest.raises(CommandFailed, match=f"{name}: No such file"):
            read(tmp_path / name)


def test_a_checksum_depends_on_the_content_alone(tmp_path: Path) -> None:
    one, same, other = (write(tmp_path, text, f"{n}.csv") for n, text in enumerate(("x", "x", "y")))
    assert checksum(one) == checksum(same) != checksum(other)
    assert len(checksum(one)) == 16


def test_labels_are_read_by_node(tmp_path: Path) -> None:
    assert labels(write(tmp_path, "node,group\na,Sales\n\nb,7\n")) == {"a": "Sales", "b": "7"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"group,node\n", "line 1: the header must be node,group"),
        (b"node,group\na,Sales\nb\n", "line 3: group: is missing"),
        (b"node,group\na,\xff\n", "cannot be read"),
    ],
)
def test_bad_labels_are_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(CommandFailed, match=said):
        labels(path)


@given(st.binary(max_size=200), st.sampled_from([".csv", ".csv.gz"]))
def test_whatever_a_file_holds_is_read_or_refused_in_a_sentence(content: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / f"events{suffix}"
        path.write_bytes(b"t,src,dst\n" + content if suffix == ".csv" else content)
        with suppress(CommandFailed):  # and nothing else
            list(rows(path))
