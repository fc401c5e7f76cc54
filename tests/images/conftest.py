"""Which images are used: the official ones where they can be pulled, else ones made here; it is printed which."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import pytest

from services.devstack import kafka, mongo
from tests.images import made_here
from tests.images.engine import Engine
from tests.runtime import CONTAINERS, Broker, ContainerBroker, ContainerDatabase, Database

OFFICIAL_BASE = "python:3.11-slim-bookworm"
SERVICE = "acquaint-test/service:local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Names of the images in use."""

    base: str
    kafka: str
    mongo: str

    def environment(self) -> dict[str, str]:
        """What makes the integration fixtures use them."""
        chosen = {
            "ACQUAINT_TEST_RUNTIME": CONTAINERS,
            "ACQUAINT_TEST_KAFKA_IMAGE": self.kafka,
            "ACQUAINT_TEST_MONGO_IMAGE": self.mongo,
        }
        # testcontainers' watchman is an image of its own, which cannot be pulled where these cannot.
        return chosen | ({"TESTCONTAINERS_RYUK_DISABLED": "true"} if self.kafka == made_here.KAFKA else {})


def _say(text: str) -> None:
    # With -s, which `make test-images` gives, it is in the output of a run that passes, too.
    print(f"\nimages: {text}", flush=True)


@pytest.fixture(scope="session")
def engine() -> Engine:
    found = Engine.find()
    _say(f"{found.command}, daemon {found.run('version', '--format', '{{.Server.Version}}')}")
    return found


@pytest.fixture(scope="session")
def images(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Images:
    workspace = tmp_path_factory.mktemp("contexts")

    def choose(variable: str, official: str, make: Callable[[], str]) -> str:
        wanted = os.environ.get(variable, official)
        if engine.can_have(wanted):
            _say(f"{wanted}: pulled, or here already")
            return wanted
        made = make()
        _say(f"{wanted}: cannot be pulled; {made} was made here instead")
        return made

    base = choose("ACQUAINT_TEST_BASE_IMAGE", OFFICIAL_BASE, lambda: made_here.make_base(engine))
    broker = choose("ACQUAINT_TEST_KAFKA_IMAGE", kafka.IMAGE, lambda: made_here.make_kafka(engine, base, workspace))
    database = choose("ACQUAINT_TEST_MONGO_IMAGE", mongo.IMAGE, lambda: made_here.make_mongo(engine, base, workspace))
    return Images(base=base, kafka=broker, mongo=database)


@pytest.fixture(scope="session")
def on_containers(images: Images) -> Iterator[None]:
    """The integration fixtures of this process, switched to containers."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in images.environment().items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
async def broker(on_containers: None) -> AsyncIterator[Broker]:
    async with ContainerBroker() as running:
        yield running


@pytest.fixture(scope="session")
async def database(on_containers: None) -> AsyncIterator[Database]:
    async with ContainerDatabase() as running:
        yield running


@pytest.fixture(scope="session")
def service_image(engine: Engine, images: Images, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image that deploy/Dockerfile builds from this checkout."""
    engine.build(
        made_here.ROOT,
        SERVICE,
        file=made_here.ROOT / "deploy" / "Dockerfile",
        arguments={"BASE": images.base},
        secrets=made_here.pip_secrets(tmp_path_factory.mktemp("secrets")),
    )
    _say(f"{SERVICE} was built by deploy/Dockerfile on {images.base}")
    return SERVICE
