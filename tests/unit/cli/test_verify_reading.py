"""What verify makes of a topic's records and of the journal's stream: every irregularity is a fault with its place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from acquaint.interactions.v1 import events_pb2
from acquaint.interactions.v1 import interaction_service_pb2 as pb

from services.cli.verify.digests import Digest
from services.cli.verify.reading import RECORDED, SWITCHED, TopicContent, read_journal, take
from services.platform.envelope import Malformed, parse


class Stored:
    """A record as the client hands it out."""

    topic = "acquaint.interactions.v1"
    partition = 0
    timestamp = 0
    key = None
    value: bytes | None = b""

    def __init__(self, offset: int, headers: Sequence[tuple[str, bytes]]) -> None:
        self.offset, self.headers = offset, headers


def record(sequence: int, id: str, type: str = RECORDED) -> Any:
    headers = [("ce_id", id), ("ce_type", type), ("ce_source", "acquaint/interactions"), ("ce_specversion", "1.0")]
    encoded = [(name, value.encode()) for name, value in headers]
    return parse(Stored(sequence - 1, [*encoded, ("ce_sequence", f"{sequence:020}".encode())]))


def topic(*records: Any) -> TopicContent:
    content = TopicContent()
    for each in records:
        take(content, each)
    return content


def test_a_record_sent_twice_counts_once() -> None:
    content = topic(record(1, "a"), record(2, "b"), record(1, "a"), record(2, "b"))
    assert (content.digest.count, content.faults) == (2, [])


def test_two_records_of_one_sequence_are_a_fault_that_names_both() -> None:
    assert topic(record(1, "a"), record(2, "b"), record(2, "c")).faults == ["sequence 2 is 'b' and 'c'"]


def test_an_id_at_two_sequences_counts_twice_and_so_differs_from_the_journal() -> None:
    once, twice = topic(record(1, "a")), topic(record(1, "a"), record(2, "a"))
    assert twice.digest.differs(once.digest) == "2 records, not 1"


def test_a_record_that_cannot_be_placed_is_a_fault() -> None:
    content = topic(
        parse(Stored(4, [("ce_id", b"a")])), parse(Stored(5, [("ce_id", b"\xff")])), Malformed(reason="broken")
    )
    assert content.faults[0] == "record 0/4 has no sequence, id or type"
    assert content.faults[1].startswith("a record cannot be read")
    assert content.faults[2] == "a record cannot be read: broken"


def test_what_is_no_interaction_takes_a_sequence_and_is_not_counted() -> None:
    content = topic(record(1, "a"), record(2, "~switch/x/2", "acquaint.interactions.v1.SourceSwitched"))
    assert (content.digest.count, len(content.ids)) == (1, 2)


def test_a_topic_begins_where_retention_has_left_it() -> None:
    assert topic(record(7, "a"), record(8, "b")).first(published_through=8) == 7


def test_a_topic_that_retention_emptied_begins_with_what_comes_next_and_one_made_anew_does_not() -> None:
    assert TopicContent(emptied=True).first(published_through=8) == 9
    assert TopicContent(emptied=False).first(published_through=8) == 1


class Journal:
    """An interactions service whose journal is a list of chunks."""

    def __init__(self, end: int, *chunks: Sequence[pb.JournalEntry]) -> None:
        self._chunks = [pb.StreamInteractionsResponse(entries=chunk, end_sequence=end) for chunk in chunks]

    async def StreamInteractions(self, request: object, timeout: float) -> AsyncIterator[pb.StreamInteractionsResponse]:
        for chunk in self._chunks:
            yield chunk


def entry(sequence: int, tombstone: bool = False, type: str = RECORDED) -> pb.JournalEntry:
    return pb.JournalEntry(sequence=sequence, record_id=f"r{sequence}", type=type, tombstone=tombstone)


async def test_a_journal_is_counted_as_a_whole_and_from_a_sequence_on() -> None:
    stub: Any = Journal(4, [entry(1), entry(2)], [entry(3, type="other"), entry(4)])
    journal = await read_journal(stub, 2)
    assert (journal.whole.count, journal.tail.count, journal.end, journal.faults) == (3, 2, 4, ())


async def test_a_tombstone_keeps_its_sequence_and_is_not_counted() -> None:
    stub: Any = Journal(2, [entry(1, tombstone=True), entry(2)])
    journal = await read_journal(stub, 1)
    assert (journal.whole.count, journal.faults) == (1, ())


async def test_a_hole_a_repeat_and_an_early_end_are_faults() -> None:
    stub: Any = Journal(9, [entry(1), entry(3)], [entry(3), entry(4)])
    journal = await read_journal(stub, 1)
    assert journal.faults == (
        "sequence 3 follows 1",
        "sequence 3 follows 3",
        "the stream ends at 4, the journal at 9",
    )


def switch(sequence: int, source: str, *, enabled: bool) -> pb.JournalEntry:
    payload = events_pb2.SourceSwitched(source=source, enabled=enabled).SerializeToString()
    return pb.JournalEntry(sequence=sequence, record_id=f"~switch/{source}/{sequence}", type=SWITCHED, payload=payload)


async def test_a_source_that_is_off_has_no_share_in_what_a_graph_folds_until_it_is_on_again() -> None:
    recorded = [
        pb.JournalEntry(sequence=1, record_id="mail/1", type=RECORDED),
        pb.JournalEntry(sequence=2, record_id="calendar/1", type=RECORDED),
    ]
    off, on = switch(3, "mail", enabled=False), switch(4, "mail", enabled=True)
    without: Any = Journal(3, [*recorded, off])
    journal = await read_journal(without, 1)
    only = Digest()
    only.add("calendar/1")
    assert (journal.whole.count, journal.folded) == (2, only)
    again: Any = Journal(4, [*recorded, off, on])
    journal = await read_journal(again, 1)
    assert journal.folded == journal.whole


async def test_an_empty_journal_is_no_fault() -> None:
    stub: Any = Journal(0, [])
    assert (await read_journal(stub, 1)).faults == ()
