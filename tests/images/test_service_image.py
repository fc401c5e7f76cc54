"""The image of deploy/Dockerfile under the restrictions of deploy/base: no root, no capability, nothing to write to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import pytest
import yaml
from acquaint.interactions.v1.interaction_pb2 import INTERACTION_TYPE_MESSAGE, Interaction
from acquaint.interactions.v1.interaction_service_pb2 import RecordInteractionsRequest
from acquaint.interactions.v1.interaction_service_pb2_grpc import InteractionServiceStub

from services.devstack.ports import free_port
from services.devstack.service import SERVICES, is_serving
from services.platform.auth import development_token
from services.platform.rpc import connect
from services.platform.testing import eventually
from tests.images.engine import Container, Engine, EngineFailed
from tests.images.made_here import ROOT
from tests.runtime import Broker, Database

pytestmark = [pytest.mark.images, pytest.mark.timeout(1800)]

KEY = "a key of the tests that is long enough"
RESTRICTED = [
    *("--read-only", "--tmpfs", "/tmp", "--tmpfs", "/var/lib/acquaint:uid=10001,gid=10001"),
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
]
# How deploy/compose.yaml runs the command: with a token made of the development key.
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
COMMAND = [part.replace("$$", "$") for part in COMPOSE["services"]["acquaint"]["entrypoint"]]
KERNELS = """
import json
from pathlib import Path
from services.recommendations.graph import compiled
from services.recommendations.ranking import warm
def kernels(): return sorted(path.name for path in Path(compiled.numba.config.CACHE_DIR).rglob("*.nbc"))
before = kernels()
warm()
print(json.dumps({"before": before, "after": kernels()}))
"""


def _interaction(number: int) -> Interaction:
    message = Interaction(
        interaction_id=str(number),
        source="mail",
        type=INTERACTION_TYPE_MESSAGE,
        initiator_id=f"p{number % 7}",
        participant_ids=[f"p{(number + 1) % 7}", f"p{(number + 3) % 7}"],
    )
    message.time.seconds = 1_700_000_000 + number
    return message


def _environment(**settings: str) -> list[str]:
    return [part for name, value in settings.items() for part in ("--env", f"ACQUAINT_{name}={value}")]


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    return {spec.name: free_port() for spec in SERVICES}


@pytest.fixture(scope="module")
def options(broker: Broker, database: Database, ports: dict[str, int]) -> list[str]:
    """What every container of the stack is told; on the host's network, as development keys stay on loopback."""
    settings = {
        "ENVIRONMENT": "development",
        "AUTH__MODE": "development",
        "AUTH__DEVELOPMENT_KEY": KEY,
        "KAFKA__BOOTSTRAP": broker.bootstrap,
        "MONGO__URI": database.uri,
        "GRAPH__SNAPSHOTS": "/var/lib/acquaint/graph",
        **{f"PEERS__{name.upper()}": f"127.0.0.1:{port}" for name, port in ports.items()},
    }
    return [*RESTRICTED, "--network", "host", *_environment(**settings)]


@pytest.fixture(scope="module")
async def stack(
    engine: Engine, service_image: str, options: list[str], ports: dict[str, int]
) -> AsyncIterator[dict[str, Container]]:
    """The topics, and the four services from the one image, ready."""
    engine.run("run", "--rm", *options, service_image, "services.cli", "topics", "ensure")
    with ExitStack() as all_of_them:
        containers = {
            name: all_of_them.enter_context(
                engine.container(
                    f"acquaint-test-{name}-{port}",
                    service_image,
                    [f"services.{name}"],
                    [*options, *_environment(RPC__PORT=str(port))],
                )
            )
            for name, port in ports.items()
        }
        for name, container in containers.items():
            await _ready(container, ports[name])
        yield containers


async def _ready(container: Container, port: int) -> None:
    try:
        await eventually(lambda: is_serving(f"127.0.0.1:{port}"), timeout=180.0, what=f"{container.name}")
    except AssertionError:
        print(container.logs()[-4000:])
        raise


async def test_interactions_go_through_the_whole_system_in_containers(
    engine: Engine, service_image: str, stack: dict[str, Container], options: list[str], ports: dict[str, int]
) -> None:
    def acquaint(*arguments: str) -> dict[str, Any]:
        shell, *command = COMMAND
        options_with_shell = [*options, "--entrypoint", shell]
        printed = engine.run("run", "--rm", *options_with_shell, service_image, *command, *arguments, "--json")
        answer: dict[str, Any] = json.loads(printed)
        return answer

    acquaint("sources", "register", "mail", "--purpose", "tests")
    token = development_token(KEY, acting_for="*", roles=["client"])
    async with connect(f"127.0.0.1:{ports['interactions']}", token=lambda: token) as channel:
        request = RecordInteractionsRequest(interactions=[_interaction(number) for number in range(200)])
        await InteractionServiceStub(channel).RecordInteractions(request)
    report = acquaint("verify")
    assert report["clean"], report
    assert report["held"]["journal"] == 200, report


async def test_each_service_stops_in_order_when_told(stack: dict[str, Container]) -> None:
    assert {name: container.stop() for name, container in stack.items()} == dict.fromkeys(stack, 0)


def test_wrong_settings_are_named_and_end_with_78(engine: Engine, service_image: str) -> None:
    wrong = _environment(RPC__PORT="none")
    with engine.container("acquaint-test-wrong", service_image, ["services.profiles"], [*RESTRICTED, *wrong]) as failed:
        assert engine.run("wait", failed.name) == "78"
        assert "ACQUAINT_RPC__PORT" in failed.logs()
        assert "ACQUAINT_AUTH__" in failed.logs()


def test_the_kernels_of_the_image_are_used_and_none_is_compiled_again(engine: Engine, service_image: str) -> None:
    found = json.loads(engine.run("run", "--rm", *RESTRICTED, service_image, "python3", "-c", KERNELS))
    assert found["before"]
    assert found["after"] == found["before"]


def test_without_a_place_for_its_kernels_recommendations_says_what_it_needs(engine: Engine, service_image: str) -> None:
    with pytest.raises(EngineFailed, match="needs a writable /tmp or NUMBA_CACHE_DIR"):
        engine.run("run", "--rm", "--read-only", service_image, "python3", "-c", KERNELS)


def test_the_user_of_the_image_owns_nothing_in_it_but_one_directory(engine: Engine, service_image: str) -> None:
    assert engine.run("run", "--rm", service_image, "id", "-u") == "10001"
    search = ["find", "/", "-path", "/proc", "-prune", "-o", "-user", "10001", "-print"]
    owned = engine.run("run", "--rm", "--read-only", "--user", "0", service_image, *search)
    assert owned == "/var/lib/acquaint"
