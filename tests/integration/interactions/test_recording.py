"""An interaction takes effect once for ever: repeats are duplicates, other content is refused, nothing is lost."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import grpc
import pytest
from acquaint.interactions.v1 import interaction_service_pb2 as pb
from google.rpc import error_details_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.platform.errors import from_rpc_error
from tests.integration.interactions.conftest import Running, interaction


def counts(answer: pb.RecordInteractionsResponse) -> tuple[int, int, int]:
    return answer.accepted, answer.duplicates, answer.refused


def reasons(answer: pb.RecordInteractionsResponse) -> list[str]:
    found = []
    for result in answer.results:
        info = error_details_pb2.ErrorInfo()
        found.append(info.reason if result.error.details and result.error.details[0].Unpack(info) else "")
    return found


def fields(answer: pb.RecordInteractionsResponse, index: int) -> list[str]:
    bad = error_details_pb2.BadRequest()
    assert answer.results[index].error.details[1].Unpack(bad)
    return [each.field for each in bad.field_violations]


async def test_a_batch_is_accepted_once_and_then_a_duplicate_for_ever(running: Running, source: str) -> None:
    batch = [interaction(f"m-{number}", source) for number in range(50)]
    assert counts(await running.record(*batch)) == (50, 0, 0)
    assert counts(await running.record(*batch)) == (0, 50, 0)
    assert counts(await running.record(*batch[40:], interaction("m-50", source))) == (1, 10, 0)
    assert len(await running.recorded(source)) == 51


async def test_a_repeat_within_one_batch_is_a_duplicate(running: Running, source: str) -> None:
    answer = await running.record(interaction("m-1", source), interaction("m-1", source))
    assert counts(answer) == (1, 1, 0)
    assert [result.outcome for result in answer.results] == [pb.RECORD_OUTCOME_ACCEPTED, pb.RECORD_OUTCOME_DUPLICATE]


async def test_a_repeated_id_with_other_content_is_refused(running: Running, source: str) -> None:
    await running.record(interaction("m-1", source))
    answer = await running.record(interaction("m-1", source, type=1), interaction("m-2", source))
    assert counts(answer) == (1, 0, 1)
    assert reasons(answer) == ["ID_CONFLICT", ""]
    assert answer.results[0].error.code == grpc.StatusCode.ALREADY_EXISTS.value[0]


async def test_the_same_id_of_another_source_is_another_interaction(running: Running, source: str) -> None:
    other = f"{source}.2"
    await running.register(other)
    assert counts(await running.record(interaction("m-1", source), interaction("m-1", other))) == (2, 0, 0)


async def test_the_future_is_refused_beyond_the_tolerance(running: Running, source: str) -> None:
    soon, later = interaction("m-1", source), interaction("m-2", source)
    soon.time.GetCurrentTime()
    later.time.GetCurrentTime()
    soon.time.seconds += 240
    later.time.seconds += 400
    answer = await running.record(soon, later)
    assert counts(answer) == (1, 0, 1)
    assert reasons(answer) == ["", "TIME_IN_FUTURE"]
    assert fields(answer, 1) == ["interactions[1].time"]


async def test_bad_items_are_refused_by_name_and_good_ones_taken(running: Running, source: str) -> None:
    without_time = interaction("m-1", source)
    without_time.ClearField("time")
    answer = await running.record(
        interaction("m-0", source),
        without_time,
        interaction("m-2", source, "ada", "bob", "bob"),
        interaction("m-3", source, "ada", "ada"),
        interaction("m-4", "never-registered"),
    )
    assert counts(answer) == (1, 0, 4)
    assert reasons(answer) == ["", "INVALID_FIELD", "INVALID_FIELD", "INVALID_FIELD", "SOURCE_UNKNOWN"]
    assert fields(answer, 1) == ["interactions[1].time"]
    assert fields(answer, 2) == ["interactions[2].participant_ids"]
    assert fields(answer, 3) == ["interactions[3].participant_ids"]


async def test_concurrent_identical_batches_all_succeed_and_each_item_counts_once(
    running: Running, source: str
) -> None:
    batch = [interaction(f"m-{number}", source) for number in range(200)]
    answers = await asyncio.gather(*(running.record(*batch) for _ in range(6)))
    assert sum(answer.accepted for answer in answers) == 200
    assert sum(answer.duplicates for answer in answers) == 1000
    assert sorted(each.interaction_id for each in await running.recorded(source)) == sorted(
        each.interaction_id for each in batch
    )


async def test_overlapping_batches_at_the_same_time_count_each_item_once(running: Running, source: str) -> None:
    batches = [
        [interaction(f"m-{number}", source) for number in range(start, start + 60)] for start in range(0, 120, 20)
    ]
    answers = await asyncio.gather(*(running.record(*batch) for batch in batches))
    assert sum(answer.accepted for answer in answers) == 160
    assert sum(answer.refused for answer in answers) == 0
    assert len(await running.recorded(source)) == 160


async def test_validate_only_gives_the_verdicts_and_stores_nothing(running: Running, source: str) -> None:
    await running.record(interaction("m-1", source))
    batch = [interaction("m-1", source), interaction("m-2", source), interaction("m-1", source, type=1)]
    assert counts(await running.record(*batch, validate_only=True)) == (1, 1, 1)
    assert counts(await running.record(*batch)) == (1, 1, 1)


@pytest.mark.parametrize(
    ("batch", "field"),
    [
        ([], "interactions"),
        ([interaction(f"m-{number}", "mail") for number in range(1001)], "interactions"),
        (
            [interaction(f"m-{number}", "mail", "a", *(f"p{each}" for each in range(200))) for number in range(101)],
            "interactions",
        ),
    ],
    ids=["empty", "1,001 interactions", "20,200 participations"],
)
async def test_a_batch_beyond_its_limits_is_refused_as_a_whole(
    running: Running, batch: list[object], field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await running.record(*batch)  # type: ignore[arg-type]
    error = from_rpc_error(caught.value)
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert [each.field for each in error.violations] == [field]


async def test_more_than_two_mebibytes_are_refused_before_they_are_read(running: Running) -> None:
    batch = [interaction("m" * 128, "mail", *(f"{each:0128}" for each in range(20))) for _ in range(900)]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await running.record(*batch)
    error = from_rpc_error(caught.value)
    assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.metadata["limit_bytes"] == "2097152"


async def test_malformed_bytes_are_an_invalid_argument(running: Running) -> None:
    method: Any = running.channel.unary_unary("/acquaint.interactions.v1.InteractionService/RecordInteractions")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await method(b"\x0a\xff\xff")
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_any_batches_repeats_and_orders_give_the_same_documents_and_one_record_each(
    running: Running, data: st.DataObject
) -> None:
    source = f"t{uuid.uuid4().hex}"  # not drawn: an example that is repeated needs a fresh one
    await running.register(source)
    wanted = [interaction(f"m-{number}", source) for number in range(10)]
    sent = data.draw(st.permutations([*wanted, *data.draw(st.lists(st.sampled_from(wanted), max_size=15))]))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(sent) - 1), max_size=5)))
    batches = [sent[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    # Some one after the other, some at once.
    alone = data.draw(st.integers(0, len(batches)))
    answers = [await running.record(*batch) for batch in batches[:alone]]
    answers += await asyncio.gather(*(running.record(*batch) for batch in batches[alone:]))
    assert sum(answer.accepted for answer in answers) == len(wanted)
    assert sum(answer.refused for answer in answers) == 0
    documents = await running.store.collection("interactions").find({"_id": {"$gt": f"{source}/", "$lt": f"{source}0"}})
    assert {each["_id"] for each in documents} == {f"{source}/m-{number}" for number in range(10)}
    found = sorted(await running.recorded(source), key=lambda each: each.interaction_id)
    assert found == sorted(wanted, key=lambda each: each.interaction_id)
