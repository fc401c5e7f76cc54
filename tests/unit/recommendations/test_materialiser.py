"""The graph of a replica: whatever journal and topic do, each record is folded once and in order, or folding stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from acquaint.interactions.v1.events_pb2 import InteractionRecorded, PeopleMerged
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from services.platform.clock import SystemClock
from services.platform.testing import eventually
from services.recommendations.graph import Graph, GraphSettings, warm
from services.recommendations.materialiser import Materialiser, Progress, Saves
from services.recommendations.materialiser.folding import fold, fold_journal
from services.recommendations.materialiser.records import Effects, Rules, of_topic
from services.recommendations.settings import GraphViewSettings
from tests.unit.recommendations.journals import World, met, rewritten, switched


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    warm()


QUICK = GraphViewSettings(compare_seconds=0.02, retry_seconds=0.01, snapshot_seconds=3600.0)


@asynccontextmanager
async def running(
    world: World, directory: Path | None = None, attach: Callable[[Graph], None] | None = None
) -> AsyncIterator[Materialiser]:
    async def attached(graph: Graph) -> None:
        if attach is not None:
            attach(graph)

    materialiser = Materialiser(
        open_topic=world.open,
        journal=world,
        saves=Saves(directory, keep=3),
        attach=attached,
        organisation="test",
        settings=QUICK,
        progress=Progress(CollectorRegistry()),
        clock=SystemClock(),
    )
    await materialiser.start()
    try:
        yield materialiser
    finally:
        await materialiser.stop()


async def reached(materialiser: Materialiser, sequence: int) -> Graph:
    await eventually(lambda: materialiser.progress.sequence == sequence, what=f"sequence {sequence}")
    await eventually(lambda: materialiser.ready, what="readiness")
    assert materialiser.graph is not None
    return materialiser.graph


def saved(directory: Path, *, rewrite: int) -> list[Path]:
    """The snapshots there that include no later rewrite."""
    return list(directory.glob(f"{rewrite:010d}-*.graph"))


async def from_journal(world: World, left_out: frozenset[str] = frozenset()) -> str:
    graph = Graph(GraphSettings(organisation="test", half_life_days=QUICK.half_life_days, left_out_sources=left_out))
    await fold_journal(graph, Rules(left_out=left_out), world, Effects(rules=Rules()))
    return graph.state_hash()


def some_days(world: World, *, days: int = 5) -> None:
    for number in range(days):
        world.record(met(number, "ada", "bob", "cyd"))
        world.record(met(100 + number, "dan", "eve"))


async def test_without_a_snapshot_the_topics_offset_is_taken_before_the_journals_end():
    world = World()
    some_days(world)
    async with running(world) as materialiser:
        graph = await reached(materialiser, 10)
        assert graph.digest.count == 10
        world.record(met(50, "fay", "gus"))
        await reached(materialiser, 11)
    asked = [each for each in world.asked if each != "journal end"]
    assert asked.index("topic end") < asked.index("journal after 0")
    assert world.opened == [None, {0: 10}]


async def test_an_empty_journal_is_ready_at_once():
    async with running(World()) as materialiser:
        await reached(materialiser, 0)


async def test_a_restart_goes_on_from_the_snapshot_and_reads_only_the_tail(tmp_path: Path):
    world = World()
    some_days(world)
    async with running(world, tmp_path) as materialiser:
        await reached(materialiser, 10)
    some_days(world, days=2)
    world.asked.clear()
    async with running(world, tmp_path) as materialiser:
        graph = await reached(materialiser, 14)
        assert set(world.asked) == {"journal end"}
        assert graph.state_hash() == await from_journal(world)
    assert world.opened[-1] == {0: 10}


async def test_a_damaged_snapshot_is_passed_over(tmp_path: Path):
    world = World()
    some_days(world)
    async with running(world, tmp_path) as materialiser:
        await reached(materialiser, 10)
    (file,) = saved(tmp_path, rewrite=0)
    file.write_bytes(file.read_bytes()[:-1])
    async with running(world, tmp_path) as materialiser:
        graph = await reached(materialiser, 10)
        assert graph.digest.count == 10


async def test_a_snapshot_ahead_of_the_journal_is_not_used(tmp_path: Path):
    world, younger = World(), World()
    some_days(world)
    async with running(world, tmp_path) as materialiser:
        await reached(materialiser, 10)
    some_days(younger, days=2)
    async with running(younger, tmp_path) as materialiser:
        graph = await reached(materialiser, 4)
        assert graph.digest.count == 4


async def test_a_gap_in_the_topic_is_filled_from_the_journal():
    world = World()
    async with running(world) as materialiser:
        await reached(materialiser, 0)
        for number in range(1, 8):
            world.record(met(number, "ada", f"p{number}"), published=number not in (3, 4))
        graph = await reached(materialiser, 7)
        assert graph.state_hash() == await from_journal(world)
        assert graph.position.next_offset == 5


async def test_a_missing_last_record_is_noticed():
    world = World()
    async with running(world) as materialiser:
        await reached(materialiser, 0)
        world.record(met(1, "ada", "bob"))
        world.record(met(2, "ada", "cyd"), published=False)
        await reached(materialiser, 2)
        world.publish(2)
        world.record(met(3, "ada", "dan"))
        graph = await reached(materialiser, 3)
        assert graph.digest.count == 3


async def test_repeats_and_late_repeats_of_a_zombie_change_nothing():
    world = World()
    async with running(world) as materialiser:
        await reached(materialiser, 0)
        for number in range(1, 4):
            world.record(met(number, "ada", f"p{number}"))
        for sequence in (2, 3, 1, 2):
            world.publish(sequence)
        world.record(met(4, "ada", "bob"))
        graph = await reached(materialiser, 4)
        assert graph.digest.count == 4
        assert graph.state_hash() == await from_journal(world)


async def test_a_record_that_is_unreadable_in_the_topic_only_is_taken_from_the_journal():
    world = World()
    async with running(world) as materialiser:
        await reached(materialiser, 0)
        world.record(met(1, "ada", "bob"), published=False)
        world.put_in_topic(b"\xff", [("ce_type", b"\xff")])
        world.record(met(2, "ada", "cyd"))
        graph = await reached(materialiser, 2)
        assert graph.digest.count == 2


async def test_an_unreadable_record_stops_the_fold_there_and_says_so():
    world = World()
    async with running(world) as materialiser:
        await reached(materialiser, 0)
        world.record(met(1, "ada", "bob"))
        world.record(met(2, "ada", "cyd"))
        world.entries[1].payload = b"\xff"
        world.topic[1] = world.topic[1]._replace(value=b"\xff")
        world.record(met(3, "ada", "dan"))
        await eventually(lambda: bool(materialiser.progress.stalled), what="the stall")
        assert materialiser.progress.sequence == 1
        assert "record 2" in materialiser.progress.stalled
        assert materialiser.graph is not None
        assert materialiser.graph.digest.count == 1
        world.entries[1].payload = met(2, "ada", "cyd").SerializeToString()
        await reached(materialiser, 3)
        await eventually(lambda: not materialiser.progress.stalled, what="the end of the stall")


async def test_an_event_of_an_unknown_type_stops_the_fold():
    world = World()
    async with running(world) as materialiser:
        await reached(materialiser, 0)
        world.record(met(1, "ada", "bob"))
        world.entries[0].type = "acquaint.interactions.v2.Something"
        world.topic.clear()
        world.publish(1)
        await eventually(lambda: "not known" in materialiser.progress.stalled, what="the stall")
        assert materialiser.progress.sequence == 0


async def test_a_journal_with_a_hole_is_not_folded_beyond_it():
    world = World()
    some_days(world)
    del world.entries[4]
    async with running(world) as materialiser:
        await eventually(lambda: "does not hold" in materialiser.progress.stalled, what="the stall")
        assert materialiser.graph is None
        assert not materialiser.ready


async def test_a_lost_position_is_made_up_from_the_journal(tmp_path: Path):
    world = World()
    some_days(world)
    async with running(world, tmp_path) as materialiser:
        await reached(materialiser, 10)
    some_days(world)
    world.oldest = 15
    world.topic[:15] = [record._replace(value=None) for record in world.topic[:15]]
    async with running(world, tmp_path) as materialiser:
        graph = await reached(materialiser, 20)
        assert graph.state_hash() == await from_journal(world)


async def test_a_journal_that_is_away_is_waited_for():
    world = World()
    some_days(world)
    world.away = True
    async with running(world) as materialiser:
        await eventually(lambda: len(world.asked) > 2, what="another try")
        assert materialiser.graph is None
        world.away = False
        await reached(materialiser, 10)


async def test_a_tombstone_moves_the_position_and_nothing_else():
    world = World()
    some_days(world)
    world.empty(3)
    async with running(world) as materialiser:
        graph = await reached(materialiser, 10)
        assert graph.digest.count == 9


async def test_a_source_switched_off_leaves_the_graph_and_comes_back():
    world = World()
    attached: list[Graph] = []
    async with running(world, attach=attached.append) as materialiser:
        await reached(materialiser, 0)
        world.record(met(1, "ada", "bob", source="chat"))
        world.record(met(2, "ada", "cyd"))
        await reached(materialiser, 2)
        world.record(switched("chat", enabled=False))
        await eventually(lambda: len(attached) == 2, what="the rebuilt graph")
        graph = await reached(materialiser, 3)
        assert graph.met("ada", "bob") is None
        assert graph.state_hash() == await from_journal(world, frozenset({"chat"}))
        world.record(switched("chat", enabled=True))
        await eventually(lambda: len(attached) == 3, what="the graph with the source")
        graph = await reached(materialiser, 4)
        assert graph.met("ada", "bob") is not None
        assert graph.state_hash() == await from_journal(world)


async def test_a_start_after_a_switch_gives_the_same_graph(tmp_path: Path):
    world = World()
    world.record(met(1, "ada", "bob", source="chat"))
    world.record(switched("chat", enabled=False))
    world.record(met(2, "ada", "cyd"))
    async with running(world) as live, running(world, tmp_path) as other:
        one, two = await reached(live, 3), await reached(other, 3)
        assert one.state_hash() == two.state_hash() == await from_journal(world, frozenset({"chat"}))
    async with running(world, tmp_path) as again:
        graph = await reached(again, 3)
        assert graph.state_hash() == await from_journal(world, frozenset({"chat"}))


async def test_who_is_taken_out_is_hidden_at_once_and_gone_after_the_rebuild(tmp_path: Path):
    world = World()
    some_days(world)
    async with running(world, tmp_path) as materialiser:
        await reached(materialiser, 10)
    assert len(saved(tmp_path, rewrite=0)) == 1
    async with running(world, tmp_path) as materialiser:
        await reached(materialiser, 10)
        world.record(rewritten(1, "eve", finished=False))
        graph = await reached(materialiser, 11)
        await eventually(lambda: graph.is_hidden("eve"), what="hiding")
        for sequence in range(2, 11, 2):
            world.empty(sequence)
        world.record(rewritten(1, finished=True))
        await eventually(lambda: materialiser.graph is not graph, what="the rebuilt graph")
        rebuilt = await reached(materialiser, 12)
        assert rebuilt.position.rewrite == 1
        assert rebuilt.met("dan", "eve") is None
        assert rebuilt.digest.count == 5
        assert saved(tmp_path, rewrite=0) == []


async def test_what_comes_during_a_rebuild_is_not_lost():
    world = World()
    some_days(world)
    behind: list[int] = []

    def attached(graph: Graph) -> None:
        behind.append(materialiser.progress.sequence - graph.position.sequence)

    async with running(world, attach=attached) as materialiser:
        first = await reached(materialiser, 10)
        world.may_end.clear()
        world.asked.clear()
        world.record(switched("chat", enabled=False))
        await eventually(lambda: "journal after 0" in world.asked, what="the rebuild")
        for number in range(200, 230):
            world.record(met(number, "ada", f"p{number}"))
        await reached(materialiser, 41)
        world.may_end.set()
        await eventually(lambda: materialiser.graph is not first, what="the rebuilt graph")
        world.record(met(300, "ada", "zoe"))
        graph = await reached(materialiser, 42)
        assert max(behind) <= 0
        assert graph.state_hash() == await from_journal(world, frozenset({"chat"}))


async def test_merged_people_are_one_and_can_be_taken_apart():
    world = World()
    attached: list[Graph] = []
    async with running(world, attach=attached.append) as materialiser:
        await reached(materialiser, 0)
        world.record(met(1, "ada", "bob"))
        world.record(met(2, "ada2", "cyd"))
        world.record(PeopleMerged(kept_person_id="ada", merged_person_id="ada2"))
        await eventually(lambda: len(attached) == 2, what="the rebuilt graph")
        graph = await reached(materialiser, 3)
        assert graph.met("ada", "cyd") is not None


STEPS = st.lists(st.sampled_from(("new", "repeat", "hold back", "publish", "spoil")), max_size=30)


@given(steps=STEPS, batch=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_any_topic_folds_to_what_the_journal_holds(steps: list[str], batch: int) -> None:
    async def story() -> None:
        world, graph, rules = World(), Graph(GraphSettings(organisation="test")), Rules()
        held_back: list[int] = []
        for number, step in enumerate(steps):
            match step:
                case "new" | "hold back":
                    sequence = world.record(met(number, "ada", f"p{number % 4}"), published=step == "new")
                    held_back += [sequence] if step == "hold back" else []
                case "publish" if held_back:
                    world.publish(held_back.pop(0))
                case "repeat" if world.entries:
                    world.publish(number % len(world.entries) + 1)
                case "spoil":
                    world.put_in_topic(b"?", [("ce_id", b"\xff")])
        effects = Effects(rules=rules)
        for begin in range(0, len(world.topic), batch):
            entries = [of_topic(record) for record in world.topic[begin : begin + batch]]
            while entries:
                folded = fold(graph, rules, entries, effects)
                del entries[: folded.done]
                if folded.missing or folded.unreadable:
                    await fold_journal(graph, rules, world, effects)
                if folded.unreadable:
                    del entries[0]
        await fold_journal(graph, rules, world, effects)
        whole = Graph(GraphSettings(organisation="test"))
        await fold_journal(whole, rules, world, Effects(rules=rules))
        assert graph.state_hash() == whole.state_hash()
        assert graph.digest.count == len(world.entries)

    asyncio.run(story())


def test_an_erased_initiator_leaves_the_others_company() -> None:
    async def story() -> None:
        event = InteractionRecorded(interaction=met(1, "x", "bob", "cyd").interaction)
        event.interaction.initiator_id = ""
        world, graph = World(), Graph(GraphSettings(organisation="test"))
        world.record(event)
        await fold_journal(graph, Rules(), world, Effects(rules=Rules()))
        assert graph.met("bob", "cyd") is None
        assert graph.digest.count == 1

    asyncio.run(story())
