"""The whole stack: one more beside it, what dies comes back, and a kill of it all leaves nothing in the way."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from typer.testing import CliRunner, Result

from services.cli.main import app
from services.devstack.background import start_in_background, stop_stack
from services.devstack.errors import DevstackError, DirectoryInUse
from services.devstack.kafka_probe import answers_metadata
from services.devstack.ports import LOOPBACK
from services.devstack.serve import serve
from services.devstack.service import SERVICES, is_serving
from services.devstack.state import StackState, read_state
from services.devstack.supervisor import Report, Stack, StackOptions
from services.platform.testing import eventually

ANSWERING = "tests.integration.devstack.answering"
NAMES = ("profiles", "interactions")
ARGUMENTS = [f"--service={name}={ANSWERING}" for name in NAMES]
PARTS = ["broker", "database-0", *NAMES]


@dataclass(slots=True)
class Heard:
    """What the stack said."""

    news: list[str] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)

    def report(self) -> Report:
        return Report(say=self.news.append, log=lambda name, line: self.lines.append((name, line)))


def options(data_dir: Path) -> StackOptions:
    specs = [replace(spec, module=ANSWERING) for spec in SERVICES if spec.name in NAMES]
    return StackOptions(data_dir=data_dir, services=specs)


async def background(data_dir: Path) -> StackState:
    return await start_in_background(data_dir, ARGUMENTS, lambda _: None)


async def answers(state: StackState) -> bool:
    port = int(state.address("broker").split(":")[1])
    return await answers_metadata(LOOPBACK, port) and await is_serving(state.address("profiles"))


async def acquaint(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, arguments)


@pytest.fixture(scope="module")
async def heard() -> Heard:
    return Heard()


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory, heard: Heard) -> AsyncIterator[Stack]:
    """A stack in this process."""
    async with Stack(options(tmp_path_factory.mktemp("stack")), heard.report()) as running:
        yield running


@pytest.fixture(scope="module")
async def beside(tmp_path_factory: pytest.TempPathFactory, stack: Stack) -> AsyncIterator[Path]:
    """The data directory of a stack in a process of its own, started while the first one runs."""
    directory = tmp_path_factory.mktemp("beside")
    await background(directory)
    yield directory
    await stop_stack(directory)


async def test_two_stacks_run_side_by_side(stack: Stack, beside: Path) -> None:
    one, two = read_state(stack.data_dir), read_state(beside)
    assert one is not None
    assert two is not None
    assert one.ready
    assert two.ready
    assert [child.name for child in one.children] == [child.name for child in two.children] == PARTS
    assert not {child.address for child in one.children} & {child.address for child in two.children}
    assert await answers(one)
    assert await answers(two)


async def test_the_topics_of_all_services_exist_before_a_service_starts(stack: Stack) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.broker.bootstrap)
    await admin.start()
    topics = set(await admin.list_topics())
    await admin.close()
    assert {"acquaint.profiles.v1", "acquaint.interactions.v1", "acquaint.invitations.v1"} <= topics
    assert "acquaint.interactions.inbound.v1.interactions.dlq" in topics


async def test_a_service_that_dies_comes_back_at_its_address_and_this_is_said(stack: Stack, heard: Heard) -> None:
    watching = asyncio.create_task(stack.watch())
    await stack.kill("profiles")
    await eventually(lambda: "profiles is back" in heard.news, timeout=20.0, what="the killed service")
    assert await is_serving(stack.address("profiles"))
    log = stack.services["profiles"].child.log
    assert f"profiles was ended by signal 9; its log is {log}" in heard.news
    assert "profiles starts again in 0.5 s" in heard.news
    line = ("profiles", f"serving with {stack.broker.bootstrap}")
    await eventually(lambda: line in heard.lines, what="the line it wrote")
    watching.cancel()
    await asyncio.wait([watching])


async def test_a_killed_service_can_be_revived_by_hand(stack: Stack) -> None:
    await stack.kill("interactions")
    assert not await is_serving(stack.address("interactions"))
    await stack.revive("interactions")
    assert await is_serving(stack.address("interactions"))


async def test_the_directory_of_a_running_stack_is_refused_or_its_stack_is_used(beside: Path) -> None:
    with pytest.raises(DirectoryInUse):
        await Stack(options(beside)).start()
    assert await background(beside) == read_state(beside)
    with pytest.raises(DirectoryInUse):
        await serve(options(beside), Report.silent(), ready=lambda _: None)
    state = read_state(beside)
    assert state is not None
    assert state.ready


async def test_a_stack_killed_with_9_leaves_nothing_in_the_way_and_down_stops_the_next(beside: Path) -> None:
    killed = read_state(beside)
    assert killed is not None
    place = ["--data-dir", str(beside), "--json"]
    before = await acquaint("status", *place)
    assert before.exit_code == 0, before.stdout
    assert 0 < json.loads(before.stdout)["memory_bytes"] < 2_000_000_000

    os.kill(killed.supervisor.pid, signal.SIGKILL)
    await eventually(lambda: not killed.running, what="the end of the supervisor")
    after = await acquaint("status", *place)
    assert after.exit_code == 1
    assert json.loads(after.stdout)["phase"] == "dead"

    again = await background(beside)
    assert await answers(again)
    assert not any(child.running for child in killed.children)
    table = await acquaint("status", "--data-dir", str(beside))
    assert table.exit_code == 0
    assert all(name in table.stdout for name in PARTS)

    assert json.loads((await acquaint("down", *place)).stdout)["stopped"] == PARTS
    assert not any(child.running for child in again.children)
    assert json.loads((await acquaint("down", *place)).stdout)["stopped"] == []
    assert json.loads((await acquaint("status", *place)).stdout)["phase"] == "stopped"


async def test_a_stack_whose_service_does_not_start_stops_as_a_whole_and_says_why(beside: Path) -> None:
    await stop_stack(beside)
    said: list[str] = []
    crashing = ["--service=profiles=tests.integration.devstack.crashing"]
    with pytest.raises(DevstackError, match=f"its log is {beside}"):
        await start_in_background(beside, crashing, said.append)
    assert "profiles did not start: it ended with exit code 1" in said
    assert said[-1] == "this service does not start"
    assert read_state(beside) is None


async def test_a_port_taken_while_the_services_start_makes_them_start_again_elsewhere(tmp_path: Path) -> None:
    specs = [replace(SERVICES[0], module="tests.integration.devstack.hesitating")]
    heard = Heard()
    mark = {"ACQUAINT_HESITATED": str(tmp_path / "hesitated")}
    stack = Stack(StackOptions(data_dir=tmp_path, services=specs, settings=mark), heard.report())
    starting = asyncio.create_task(stack.start())
    await eventually((tmp_path / "hesitated").exists, timeout=60.0, what="the service that hesitates")
    lost = stack.services["profiles"].port
    async with await asyncio.start_server(lambda _, writer: writer.close(), LOOPBACK, lost):
        await starting
        assert stack.services["profiles"].port != lost
        assert await is_serving(stack.address("profiles"))
        assert "the port of profiles was taken by another program; starting the services again" in heard.news
        await stack.stop()


@pytest.mark.parametrize(
    "wrong", [["--mongo-members", "2"], ["--ephemeral", "--detach"], ["--ephemeral", "--data-dir", "x"]]
)
async def test_options_that_do_not_go_together_are_refused(wrong: list[str]) -> None:
    assert (await acquaint("up", *wrong)).exit_code == 2
