"""The container that stands in for a process, driven through a `docker` that only writes down what it was told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from services.devstack.containers import Container
from services.devstack.errors import Missing
from services.devstack.finders import Docker, Machine
from services.devstack.kafka import container_environment
from services.devstack.mongo import LocalDatabase
from services.devstack.process import clean_environment
from services.platform.testing import eventually


@pytest.fixture
def docker(tmp_path: Path) -> Docker:
    """`docker run` stays until it is stopped; every call is a line in `calls`."""
    script = tmp_path / "docker"
    script.write_text(
        f"#!{sys.executable}\n"
        "import sys, time, pathlib\n"
        f"with open({str(tmp_path / 'calls')!r}, 'a') as calls: calls.write(' '.join(sys.argv[1:]) + chr(10))\n"
        "if sys.argv[1] == 'run':\n    print('up', flush=True)\n    time.sleep(600)\n"
    )
    script.chmod(0o755)
    return Docker(command=str(script))


async def test_a_container_is_published_on_loopback_and_removed_by_name(tmp_path: Path, docker: Docker) -> None:
    container = Container("broker", tmp_path, docker)
    command = container.run_command("image:1", port=9092, data="/var/lib/data", settings={"A": "b"}, arguments=["--x"])
    assert command[-2:] == ["image:1", "--x"]
    assert "127.0.0.1:9092:9092" in command
    assert command[command.index("--volume") + 1].endswith(":/var/lib/data")
    assert command[command.index("--env") + 1] == "A=b"
    container.start(command, clean_environment())
    await eventually(lambda: "up" in container.log_tail(), what="the container's first line")
    await container.pause()
    await container.resume()
    await container.stop(grace=0.2)
    assert not container.running
    calls = [line.split() for line in (tmp_path / "calls").read_text().splitlines()]
    name = command[command.index("--name") + 1]
    assert [call[0] for call in calls] == ["run", "pause", "unpause", "unpause", "stop", "rm"]
    assert all(call[-1] == name for call in calls[1:])


async def test_a_container_that_an_earlier_owner_left_is_removed_first(tmp_path: Path, docker: Docker) -> None:
    assert await Container("broker", tmp_path, docker).end_orphan()
    assert (tmp_path / "calls").read_text().startswith("rm --force acquaint-broker-")


def test_two_data_directories_have_two_containers(tmp_path: Path) -> None:
    commands = [
        Container("broker", tmp_path / name, Docker(command="docker")).run_command(
            "image", port=1, data="/data", settings={}
        )
        for name in ("one", "two")
    ]
    assert commands[0][commands[0].index("--name") + 1] != commands[1][commands[1].index("--name") + 1]


async def test_three_members_in_containers_are_refused_with_a_sentence(tmp_path: Path, docker: Docker) -> None:
    machine = Machine(package=lambda _: None, which={"docker": docker.command}.get, output=lambda *_: "answer")
    with pytest.raises(Missing, match="three members need a mongod on this machine"):
        await LocalDatabase(data_dir=tmp_path / "data", members=3, machine=machine).start()


def test_the_broker_of_an_image_is_told_the_port_by_which_it_is_known_outside() -> None:
    environment = container_environment(9099)
    assert environment["KAFKA_ADVERTISED_LISTENERS"] == "PLAINTEXT://127.0.0.1:9099"
    assert environment["KAFKA_LISTENERS"].startswith("PLAINTEXT://0.0.0.0:9099")
    assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
