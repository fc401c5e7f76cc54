"""What comes by topic follows the rules of the call: recorded once, or a dead letter with its reason."""

from __future__ import annotations

import asyncio

from acquaint.interactions.v1 import events_pb2, interaction_pb2
from acquaint.interactions.v1 import source_service_pb2 as pb
from aiokafka import AIOKafkaConsumer
from google.protobuf import json_format

from services.platform.testing import eventually
from tests.integration.interactions.conftest import DEAD_LETTERS, Running, interaction


def reported(*interactions: interaction_pb2.Interaction) -> list[bytes]:
    return [events_pb2.InteractionReported(interaction=each).SerializeToString() for each in interactions]


async def holds(running: Running, source: str, count: int) -> None:
    """Waits until so many interactions of a source are stored."""

    async def there() -> bool:
        wanted = {"_id": {"$gt": f"{source}/", "$lt": f"{source}0"}}
        return await running.store.collection("interactions").count(wanted) == count

    await eventually(there, timeout=20, what=f"{count} interactions of {source}")


async def dead_letters(running: Running, containing: bytes, count: int) -> list[str]:
    """The reasons of the first `count` dead letters whose value holds `containing`."""
    consumer = AIOKafkaConsumer(
        DEAD_LETTERS, bootstrap_servers=running.settings.kafka.bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    found: list[str] = []
    try:
        async with asyncio.timeout(20):
            while len(found) < count:
                letter = await consumer.getone()
                if containing in (letter.value or b""):
                    found.append(" ".join(value.decode() for _, value in letter.headers))
    finally:
        await consumer.stop()
    return found


async def test_protobuf_and_json_are_recorded(running: Running, source: str) -> None:
    one, two = interaction("m-1", source), interaction("m-2", source, "ada", "bob", "eve", context="series-1")
    await running.report(*reported(one))
    as_json = json_format.MessageToJson(events_pb2.InteractionReported(interaction=two))
    await running.report(as_json.encode(), json=True)
    await holds(running, source, 2)
    found = sorted(await running.recorded(source), key=lambda each: each.interaction_id)
    assert found == [one, two]


async def test_a_repeat_by_topic_or_by_call_is_one_interaction(running: Running, source: str) -> None:
    sent = [interaction(f"m-{number}", source) for number in range(5)]
    assert (await running.record(*sent[:3])).accepted == 3
    await running.report(*reported(*sent, *sent), partition=1)
    await running.report(*reported(*sent), partition=2)
    await holds(running, source, 5)
    assert (await running.record(*sent)).duplicates == 5
    assert len(await running.recorded(source)) == 5


async def test_what_is_refused_is_a_dead_letter_with_its_reason(running: Running, source: str, unique: str) -> None:
    late = interaction("m-future", source)
    late.time.seconds += 10**9
    await running.record(interaction("m-1", source))
    unknown = f"{unique}.unknown"
    await running.report(
        *reported(late, interaction("m-1", source, type=1), interaction("m-2", source, "ada", "ada")),
        *reported(interaction("m-3", unknown)),
        *reported(interaction("m-4", source)),
    )
    await holds(running, source, 2)
    reasons = await dead_letters(running, unique.encode(), 4)
    for cause in ("TIME_IN_FUTURE", "ID_CONFLICT", "INVALID_FIELD", "SOURCE_UNKNOWN"):
        assert sum(cause in reason for reason in reasons) == 1


async def test_what_cannot_be_read_is_a_dead_letter_and_delays_nothing(running: Running, source: str) -> None:
    marker = f"broken {source}".encode()
    await running.report(b"\x0a\xff" + marker)
    await running.report(b'{"interaction": {"secret": "' + marker + b'"}}', json=True)
    await running.report(*reported(interaction("m-1", source)))
    await holds(running, source, 1)
    assert len(await dead_letters(running, marker, 2)) == 2


async def test_a_source_of_poison_is_set_aside_alone_and_released_in_order(running: Running, source: str) -> None:
    good = f"{source}.good"
    await running.register(good)
    await running.sources.SwitchSource(pb.SwitchSourceRequest(source_id=source, enabled=False))

    async def quarantined() -> bool:
        answer = await running.sources.GetSource(pb.GetSourceRequest(source_id=source))
        return answer.source.quarantined

    # Everything of the source that is off is refused, while the other one sends between.
    for number in range(30):
        await running.report(*reported(interaction(f"bad-{number}", source), interaction(f"g-{number}", good)))
    await eventually(quarantined, timeout=20, what="the quarantine")
    await holds(running, good, 30)
    listed = (await running.sources.ListSources(pb.ListSourcesRequest(page_size=1000))).sources
    assert {each.source_id: each.quarantined for each in listed if each.source_id in (source, good)} == {
        source: True,
        good: False,
    }

    # Set aside unread, in good order or not, until somebody lets them in.
    await running.sources.SwitchSource(pb.SwitchSourceRequest(source_id=source, enabled=True))
    await running.report(*reported(*(interaction(f"m-{number:02}", source) for number in range(20))))
    await running.report(*reported(interaction("g-last", good)))
    await holds(running, good, 31)
    await holds(running, source, 0)

    await running.sources.ReleaseSource(pb.ReleaseSourceRequest(source_id=source))

    async def over() -> bool:
        return not await quarantined()

    await eventually(over, timeout=20, what="the end of the quarantine")
    ids = [each.interaction_id for each in await running.recorded(source)]
    assert [each for each in ids if each.startswith("m-")] == [f"m-{number:02}" for number in range(20)]
    await running.report(*reported(interaction("m-99", source)))
    await holds(running, source, len(ids) + 1)
