"""Whoever was erased is taken out of what comes later, and out of what others see of what came before."""

from __future__ import annotations

import grpc
import pytest
from acquaint.interactions.v1 import interaction_service_pb2 as pb

from tests.integration.interactions.conftest import Running, interaction


async def test_an_interaction_is_recorded_without_an_erased_person(running: Running, source: str, unique: str) -> None:
    gone = f"{unique}-gone"
    await running.erase(gone)
    sent = [interaction("m-1", source, "ada", gone, "bob"), interaction("m-2", source, gone, "ada", "bob")]
    assert (await running.record(*sent)).accepted == 2
    found = {each.interaction_id: each for each in await running.recorded(source)}
    assert (found["m-1"].initiator_id, list(found["m-1"].participant_ids)) == ("ada", ["bob"])
    assert (found["m-2"].initiator_id, list(found["m-2"].participant_ids)) == ("", ["ada", "bob"])
    assert (await running.record(*sent)).duplicates == 2


async def test_an_interaction_with_one_person_left_is_refused(running: Running, source: str, unique: str) -> None:
    gone = f"{unique}-gone"
    await running.erase(gone)
    answer = await running.record(interaction("m-1", source, "ada", gone))
    assert answer.refused == 1
    assert await running.recorded(source) == []


async def test_what_was_recorded_before_is_a_duplicate_and_hides_the_person(
    running: Running, source: str, unique: str
) -> None:
    gone, kept = f"{unique}-gone", f"{unique}-kept"
    sent = [interaction("m-1", source, kept, gone), interaction("m-2", source, gone, kept, "bob")]
    await running.record(*sent)
    await running.erase(gone)
    assert (await running.record(*sent)).duplicates == 2
    answer = await running.interactions.ListInteractions(pb.ListInteractionsRequest(person_id=kept))
    assert [(each.interaction_id, each.initiator_id) for each in answer.interactions] == [("m-2", "")]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await running.interactions.ListInteractions(pb.ListInteractionsRequest(person_id=gone))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_repeat_of_which_nobody_is_left_is_still_a_duplicate(
    running: Running, source: str, unique: str
) -> None:
    one, two = f"{unique}-1", f"{unique}-2"
    await running.record(interaction("m-1", source, one, two))
    await running.erase(one)
    await running.erase(two)
    # Something new before and between, so that nothing suggests to look for repeats.
    for number in range(2, 5):
        assert (await running.record(interaction(f"m-{number}", source))).accepted == 1
        answer = await running.record(interaction("m-1", source, one, two))
        assert (answer.duplicates, answer.refused) == (1, 0)
        assert (await running.record(interaction(f"m-{number}0", source))).accepted == 1
    other = await running.record(interaction("m-1", source, one, "ada"))
    assert (other.duplicates, other.refused) == (0, 1)
    assert "other content" in other.results[0].error.message
