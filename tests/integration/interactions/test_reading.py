"""What is held can be listed by its person, streamed in its total order, and counted from each store alone."""

from __future__ import annotations

from hashlib import blake2b

import grpc
import pytest
from acquaint.interactions.v1 import events_pb2
from acquaint.interactions.v1 import interaction_service_pb2 as pb

from services.platform.auth import development_token
from services.platform.errors import from_rpc_error
from services.platform.rpc import connect
from tests.integration.interactions.conftest import KEY, THEN, Running, interaction


async def listed(running: Running, person: str, *, size: int = 0, source: str = "") -> list[str]:
    """The ids of all pages."""
    found, token = [], ""
    while True:
        request = pb.ListInteractionsRequest(person_id=person, page_size=size, page_token=token, source=source)
        answer = await running.interactions.ListInteractions(request)
        assert len(answer.interactions) <= (size or 100)
        found += [each.interaction_id for each in answer.interactions]
        token = answer.next_page_token
        if not token:
            return found


async def test_a_person_s_interactions_are_listed_newest_first(running: Running, source: str, unique: str) -> None:
    ann, ben, cyd = (f"{unique}-{name}" for name in ("ann", "ben", "cyd"))
    await running.record(
        interaction("m-1", source, ann, ben, seconds=THEN + 1),
        interaction("m-3", source, ben, cyd, ann, seconds=THEN + 3, context="series-1"),
        interaction("m-2", source, cyd, ann, seconds=THEN + 2),
        interaction("m-4", source, ben, cyd, seconds=THEN + 4),
    )
    assert await listed(running, ann) == ["m-3", "m-2", "m-1"]
    assert await listed(running, cyd) == ["m-4", "m-3", "m-2"]


async def test_what_is_listed_is_what_was_recorded(running: Running, source: str, unique: str) -> None:
    sent = interaction("m-1", source, f"{unique}-a", f"{unique}-b", type=6, context="course-7")
    sent.time.nanos = 123_456_789
    sent.duration.seconds, sent.duration.nanos = 90, 5
    sent.help_kind = 3  # type: ignore[assignment]
    await running.record(sent)
    answer = await running.interactions.ListInteractions(pb.ListInteractionsRequest(person_id=f"{unique}-b"))
    assert list(answer.interactions) == [sent]
    assert await running.recorded(source) == [sent]


async def test_pages_leave_nothing_out_among_equal_times(running: Running, source: str, unique: str) -> None:
    batch = [interaction(f"m-{number:02}", source, unique, "bob") for number in range(25)]
    await running.record(*batch)
    assert await listed(running, unique, size=4) == [f"m-{number:02}" for number in reversed(range(25))]


async def test_a_list_is_restricted_to_one_source(running: Running, source: str, unique: str) -> None:
    other = f"{source}0"  # its name begins with the first one's
    await running.register(other)
    await running.record(*(interaction(f"m-{number}", source, unique, "bob") for number in range(3)))
    await running.record(*(interaction(f"n-{number}", other, unique, "bob") for number in range(3)))
    assert await listed(running, unique, size=2, source=source) == ["m-2", "m-1", "m-0"]
    assert await listed(running, unique, size=2, source=other) == ["n-2", "n-1", "n-0"]


async def test_a_page_token_of_another_query_is_refused(running: Running, source: str, unique: str) -> None:
    await running.record(*(interaction(f"m-{number}", source, unique, "bob") for number in range(3)))
    first = await running.interactions.ListInteractions(pb.ListInteractionsRequest(person_id=unique, page_size=1))
    for other in (
        pb.ListInteractionsRequest(person_id="bob", page_token=first.next_page_token),
        pb.ListInteractionsRequest(person_id=unique, source=source, page_token=first.next_page_token),
        pb.ListInteractionsRequest(person_id=unique, page_token="rubbish"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await running.interactions.ListInteractions(other)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_person_sees_their_own_interactions_and_nobody_else_s(
    running: Running, source: str, unique: str
) -> None:
    await running.record(interaction("m-1", source, unique, "bob"))
    token = development_token(KEY, person=unique)
    async with connect(f"127.0.0.1:{running.settings.rpc.port}", token=lambda: token) as channel:
        own = pb.ListInteractionsRequest(person_id=unique)
        method = channel.unary_unary(
            "/acquaint.interactions.v1.InteractionService/ListInteractions",
            request_serializer=pb.ListInteractionsRequest.SerializeToString,
            response_deserializer=pb.ListInteractionsResponse.FromString,
        )
        assert [each.interaction_id for each in (await method(own)).interactions] == ["m-1"]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method(pb.ListInteractionsRequest(person_id="bob"))
        assert from_rpc_error(caught.value).code is grpc.StatusCode.PERMISSION_DENIED


async def test_the_stream_is_the_topic_in_one_contiguous_order(running: Running, source: str) -> None:
    for start in range(0, 2500, 500):
        batch = [interaction(f"m-{number}", source) for number in range(start, start + 500)]
        assert (await running.record(*batch)).accepted == 500
    found = await running.drained()
    entries = await running.journal()
    assert [entry.sequence for entry in entries] == list(range(1, found.end_sequence + 1))
    on_topic = [(record.sequence, record.id, record.type, record.value) for record in await running.topic()]
    assert [(entry.sequence, entry.record_id, entry.type, entry.payload) for entry in entries] == on_topic


async def test_the_stream_goes_on_after_any_sequence_in_bounded_chunks(running: Running, source: str) -> None:
    people = [f"{'p' * 90}{number}" for number in range(19)]
    for start in range(0, 1500, 500):
        batch = [interaction(f"m-{number}", source, "ada", *people) for number in range(start, start + 500)]
        assert (await running.record(*batch)).accepted == 500
    end = (await running.drained()).end_sequence
    request = pb.StreamInteractionsRequest(after_sequence=end - 1400)
    chunks = [chunk async for chunk in running.interactions.StreamInteractions(request)]
    sequences = [entry.sequence for chunk in chunks for entry in chunk.entries]
    assert sequences == list(range(end - 1399, end + 1))
    assert len(chunks) > 2
    assert all(len(chunk.entries) <= 1000 for chunk in chunks)
    assert all(chunk.ByteSize() <= 1 << 20 for chunk in chunks)
    assert {chunk.end_sequence for chunk in chunks} == {end}


async def test_a_stream_from_the_end_says_where_the_end_is(running: Running, source: str) -> None:
    await running.record(interaction("m-1", source))
    end = (await running.drained()).end_sequence
    for after in (end, end + 5):
        request = pb.StreamInteractionsRequest(after_sequence=after)
        chunks = [chunk async for chunk in running.interactions.StreamInteractions(request)]
        assert chunks == [pb.StreamInteractionsResponse(end_sequence=end)]


async def test_the_digests_of_documents_journal_and_topic_agree(running: Running, source: str) -> None:
    await running.record(*(interaction(f"m-{number}", source) for number in range(30)))
    found = await running.drained()
    assert found.documents == found.journal
    assert list(found.journal_faults) == []
    recorded = events_pb2.InteractionRecorded.DESCRIPTOR.full_name
    ids = [record.id or "" for record in await running.topic() if record.type == recorded]
    total = sum(int.from_bytes(blake2b(each.encode(), digest_size=8).digest(), "little") for each in ids)
    assert (found.journal.count, found.journal.id_sum) == (len(set(ids)), total % 2**64)
    assert found.published_through == found.end_sequence


async def test_a_document_that_is_lost_shows_in_the_digest(running: Running, source: str) -> None:
    await running.record(interaction("m-1", source))
    await running.drained()
    documents = running.store.collection("interactions")
    kept = await documents.find_one({"_id": f"{source}/m-1"})
    assert kept is not None
    await documents.delete_one({"_id": kept["_id"]})
    found = await running.digest()
    assert found.documents.count == found.journal.count - 1
    assert found.documents.id_sum != found.journal.id_sum
    await documents.insert_one(kept)
    assert (await running.digest()).documents == found.journal


async def test_a_journal_row_that_is_lost_shows_as_a_fault(running: Running, source: str) -> None:
    await running.record(interaction("m-1", source))
    await running.record(interaction("m-2", source))
    end = (await running.drained()).end_sequence
    rows = running.store.collection("outbox")
    row = await rows.find_one({"first_sequence": {"$lte": end - 1}}, sort=[("first_sequence", -1)])
    assert row is not None
    await rows.delete_one({"_id": row["_id"]})
    try:
        assert [str(row["first_sequence"]) in fault for fault in (await running.digest()).journal_faults] == [True]
    finally:
        await rows.insert_one(row)
    assert list((await running.digest()).journal_faults) == []
