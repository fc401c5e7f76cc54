"""A source is registered before it may report, can be switched off and on, and a switch is a record of the journal."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from acquaint.interactions.v1 import events_pb2, source_pb2
from acquaint.interactions.v1 import source_service_pb2 as pb

from services.platform.errors import ServiceError, from_rpc_error
from tests.integration.interactions.conftest import Running, interaction

SWITCHED = events_pb2.SourceSwitched.DESCRIPTOR.full_name


async def refused(call: object) -> ServiceError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # type: ignore[misc]
    return from_rpc_error(caught.value)


async def switches(running: Running, source: str) -> list[bool]:
    """The switches of a source in the order of the journal."""
    await running.drained()
    found = [events_pb2.SourceSwitched.FromString(e.payload) for e in await running.journal() if e.type == SWITCHED]
    return [each.enabled for each in found if each.source == source]


async def test_registering_twice_gives_the_same_source(running: Running, unique: str) -> None:
    first = await running.register(unique)
    assert first.enabled
    assert first.create_time.seconds > 0
    again = await running.register(unique, enabled=False)
    assert again == (await running.sources.GetSource(pb.GetSourceRequest(source_id=unique))).source
    assert again.enabled
    assert again.etag == first.etag


async def test_another_purpose_is_a_conflict(running: Running, source: str) -> None:
    other = source_pb2.Source(source_id=source, purpose="something else", enabled=True)
    error = await refused(running.sources.RegisterSource(pb.RegisterSourceRequest(source=other)))
    assert error.code is grpc.StatusCode.ALREADY_EXISTS


async def test_a_source_nobody_registered_is_not_found(running: Running) -> None:
    missing = "never-registered"
    for call in (
        running.sources.GetSource(pb.GetSourceRequest(source_id=missing)),
        running.sources.SwitchSource(pb.SwitchSourceRequest(source_id=missing)),
        running.sources.ReleaseSource(pb.ReleaseSourceRequest(source_id=missing)),
    ):
        assert (await refused(call)).code is grpc.StatusCode.NOT_FOUND


async def test_a_source_that_is_off_is_refused_until_it_is_on(running: Running, source: str) -> None:
    await running.sources.SwitchSource(pb.SwitchSourceRequest(source_id=source, enabled=False))
    answer = await running.record(interaction("m-1", source))
    assert answer.refused == 1
    assert "switched off" in answer.results[0].error.message
    await running.sources.SwitchSource(pb.SwitchSourceRequest(source_id=source, enabled=True))
    assert (await running.record(interaction("m-1", source))).accepted == 1


async def test_each_change_of_state_is_published_once_and_in_order(running: Running, source: str) -> None:
    for enabled in (False, False, True, False, False):
        await running.sources.SwitchSource(pb.SwitchSourceRequest(source_id=source, enabled=enabled))
    assert await switches(running, source) == [False, True, False]


async def test_switches_at_the_same_time_alternate_in_the_journal(running: Running, source: str) -> None:
    wanted = [pb.SwitchSourceRequest(source_id=source, enabled=number % 2 == 0) for number in range(8)]
    await asyncio.gather(*(running.sources.SwitchSource(each) for each in wanted), return_exceptions=True)
    found = await switches(running, source)
    state = (await running.sources.GetSource(pb.GetSourceRequest(source_id=source))).source.enabled
    assert found == [number % 2 == 1 for number in range(len(found))]
    assert not found or found[-1] == state


async def test_a_switch_with_an_old_etag_is_refused(running: Running, source: str) -> None:
    etag = (await running.sources.GetSource(pb.GetSourceRequest(source_id=source))).source.etag
    wanted = pb.SwitchSourceRequest(source_id=source, enabled=False, etag=etag)
    changed = (await running.sources.SwitchSource(wanted)).source
    assert not changed.enabled
    assert changed.etag != etag
    again = pb.SwitchSourceRequest(source_id=source, enabled=True, etag=etag)
    error = await refused(running.sources.SwitchSource(again))
    assert error.code is grpc.StatusCode.ABORTED


async def test_all_sources_are_listed_by_name_in_pages(running: Running, unique: str) -> None:
    for letter in "abc":
        await running.register(f"{unique}.{letter}")
    found, token = [], ""
    while True:
        answer = await running.sources.ListSources(pb.ListSourcesRequest(page_size=2, page_token=token))
        assert len(answer.sources) <= 2
        found += [source.source_id for source in answer.sources]
        token = answer.next_page_token
        if not token:
            break
    assert found == sorted(set(found))
    assert {f"{unique}.a", f"{unique}.b", f"{unique}.c"} <= set(found)
