"""Batches of a replay fit into a call, are repeated until somebody answers, and count what was acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
import pytest
from acquaint.interactions.v1 import interaction_service_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from services.cli.output import CommandFailed
from services.cli.replay.reading import Event
from services.cli.replay.sending import SOURCE, Sent, batches, count, record, send, to_proto
from services.platform.errors import invalid, to_status

EVENTS = st.lists(st.tuples(st.integers(1, 200), st.integers(1, 128)), max_size=300)


def event(line: int, rows: int = 1, length: int = 8) -> Event:
    people = [f"{number:0{length}}" for number in range(rows)]
    return Event(line=line, time=line, initiator="i" * length, participants=people)


def request_of(batch: Sequence[Event]) -> pb.RecordInteractionsRequest:
    return pb.RecordInteractionsRequest(interactions=[to_proto(each, "r" * 64, 2_000_000_000) for each in batch])


class Answers:
    """An interactions service that answers from a list: an error is raised, a function makes the response."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[pb.RecordInteractionsRequest] = []

    async def RecordInteractions(
        self, request: pb.RecordInteractionsRequest, timeout: float
    ) -> pb.RecordInteractionsResponse:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else pb.RecordInteractionsResponse()
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]


def away(code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details="away")


@given(EVENTS)
def test_batches_hold_every_event_once_in_order_and_fit_into_a_call(drawn: list[tuple[int, int]]) -> None:
    events = [event(line, rows, length) for line, (rows, length) in enumerate(drawn)]
    found = list(batches(events))
    assert [each for batch in found for each in batch] == events
    for batch in found:
        assert batch
        assert sum(each.rows for each in batch) <= 20_000
        assert request_of(batch).ByteSize() <= 2 << 20


def test_a_batch_is_as_large_as_a_call_takes() -> None:
    assert [len(batch) for batch in batches(event(line) for line in range(2500))] == [1000, 1000, 500]
    assert [len(batch) for batch in batches((event(line) for line in range(25)), 10)] == [10, 10, 5]


def test_an_interaction_is_of_the_run_and_the_first_line_at_the_shifted_time() -> None:
    made = to_proto(event(17, 2), "run", 1000)
    assert (made.interaction_id, made.source, made.time.seconds, made.time.nanos) == ("run-17", SOURCE, 1017, 0)
    assert list(made.participant_ids) == ["00000000", "00000001"]


async def test_a_batch_nobody_answered_is_sent_again_as_it_was() -> None:
    service = Answers(away(), away(grpc.StatusCode.DEADLINE_EXCEEDED))
    sent = await send(service, [event(2), event(3, 4)], "run", 0, lambda rows: None)  # type: ignore[arg-type]
    assert (sent.rows, sent.accepted, sent.duplicates, sent.interactions) == (5, 5, 0, 2)
    assert len(service.requests) == 3
    assert len({request.SerializeToString(deterministic=True) for request in service.requests}) == 1


async def test_a_request_that_is_wrong_is_not_sent_again() -> None:
    service = Answers(away(grpc.StatusCode.INVALID_ARGUMENT))
    with pytest.raises(grpc.aio.AioRpcError):
        await record(service, pb.RecordInteractionsRequest())  # type: ignore[arg-type]
    assert len(service.requests) == 1


async def test_progress_is_told_the_rows_of_what_was_acknowledged() -> None:
    told: list[int] = []
    await send(Answers(), (event(line, 3) for line in range(2000)), "run", 0, told.append)  # type: ignore[arg-type]
    assert told == [3000, 3000]


def test_rows_are_counted_by_what_became_of_their_interaction() -> None:
    duplicate = pb.RecordResult(outcome=pb.RECORD_OUTCOME_DUPLICATE)
    accepted = pb.RecordResult(outcome=pb.RECORD_OUTCOME_ACCEPTED)
    sent = Sent()
    count(sent, [event(2, 3), event(5, 4)], pb.RecordInteractionsResponse(results=[duplicate, accepted]))
    count(sent, [event(9, 2)], pb.RecordInteractionsResponse())
    assert (sent.rows, sent.accepted, sent.duplicates, sent.interactions) == (9, 6, 3, 3)


def test_a_refused_interaction_is_named_by_its_line_and_field() -> None:
    error = to_status(invalid("time", "is missing"))
    refused = pb.RecordResult(outcome=pb.RECORD_OUTCOME_REFUSED, error=error)
    with pytest.raises(CommandFailed, match="line 5 was refused: INVALID_FIELD: time: is missing"):
        count(Sent(), [event(5)], pb.RecordInteractionsResponse(results=[refused]))
