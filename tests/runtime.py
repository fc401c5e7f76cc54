"""The broker and the database that tests run on: local processes, or containers when ACQUAINT_TEST_RUNTIME says so."""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from services.devstack import kafka, mongo
from services.devstack.kafka_probe import answers_metadata
from services.devstack.mongo_probe import command
from services.devstack.ports import LOOPBACK, free_port
from services.platform.mongo import DatabaseError
from services.platform.testing.wait import eventually

PROCESS, CONTAINERS = "process", "containers"


class Outage(Protocol):
    """What a test may do to a broker or a database."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def kill(self) -> None: ...
    async def pause(self) -> None: ...
    async def resume(self) -> None: ...


class Broker(Outage, Protocol):
    """A Kafka broker; `bootstrap` is host:port."""

    @property
    def bootstrap(self) -> str: ...


class Database(Outage, Protocol):
    """A MongoDB replica set; `uri` is its connection string."""

    @property
    def uri(self) -> str: ...


def chosen_runtime() -> str:
    """`process` unless ACQUAINT_TEST_RUNTIME says `containers`."""
    chosen = os.environ.get("ACQUAINT_TEST_RUNTIME", PROCESS)
    if chosen not in (PROCESS, CONTAINERS):
        raise ValueError(f"ACQUAINT_TEST_RUNTIME is {chosen!r}; it may be {PROCESS!r} or {CONTAINERS!r}")
    return chosen


def open_broker(data_dir: Path) -> AbstractAsyncContextManager[Broker]:
    """A broker of its own, gone with its data when left."""
    return kafka.LocalBroker(data_dir=data_dir) if chosen_runtime() == PROCESS else ContainerBroker()


def open_database(data_dir: Path) -> AbstractAsyncContextManager[Database]:
    """A replica set of one member of its own, gone with its data when left."""
    return mongo.LocalDatabase(data_dir=data_dir) if chosen_runtime() == PROCESS else ContainerDatabase()


class _Contained(ABC):
    """A container on a fixed loopback port, so that it is found again after a kill and a start."""

    def __init__(self, image: str, environment: dict[str, str], arguments: list[str], port: int) -> None:
        from testcontainers.core.container import DockerContainer

        self.port = port
        self._container = DockerContainer(image).with_bind_ports(port, port)
        for name, value in environment.items():
            self._container.with_env(name, value)
        if arguments:
            self._container.with_command(arguments)
        self._made = False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._container.stop)

    async def start(self) -> None:
        if self._made:
            await asyncio.to_thread(self._raw.start)
        else:
            await asyncio.to_thread(self._container.start)
            self._made = True
        await eventually(self.is_ready, timeout=90.0, what=f"the container on port {self.port}")

    @abstractmethod
    async def is_ready(self) -> bool:
        """True when it can be worked with."""

    async def stop(self) -> None:
        await asyncio.to_thread(self._raw.stop)

    async def kill(self) -> None:
        await asyncio.to_thread(self._raw.kill)

    async def pause(self) -> None:
        await asyncio.to_thread(self._raw.pause)

    async def resume(self) -> None:
        await asyncio.to_thread(self._raw.unpause)

    @property
    def _raw(self) -> Any:
        return self._container.get_wrapped_container()


class ContainerBroker(_Contained):
    """The official image of Apache Kafka, or the one ACQUAINT_TEST_KAFKA_IMAGE names."""

    def __init__(self) -> None:
        image = os.environ.get("ACQUAINT_TEST_KAFKA_IMAGE", kafka.IMAGE)
        port = free_port()
        super().__init__(image, kafka.container_environment(port), [], port)

    async def is_ready(self) -> bool:
        return await answers_metadata(LOOPBACK, self.port)

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"


class ContainerDatabase(_Contained):
    """The official image of MongoDB as a replica set of one, or the one ACQUAINT_TEST_MONGO_IMAGE names."""

    def __init__(self) -> None:
        image = os.environ.get("ACQUAINT_TEST_MONGO_IMAGE", mongo.IMAGE)
        port = free_port()
        super().__init__(image, {}, ["--replSet", mongo.REPLICA_SET, "--bind_ip_all", "--port", str(port)], port)

    async def is_ready(self) -> bool:
        body = {"_id": mongo.REPLICA_SET, "members": [{"_id": 0, "host": f"{LOOPBACK}:{self.port}"}]}
        with suppress(DatabaseError):  # it has its set already
            await command(self.port, {"replSetInitiate": body}, seconds=5.0)
        answer = await command(self.port, {"hello": 1})
        return answer is not None and bool(answer.get("isWritablePrimary"))

    @property
    def uri(self) -> str:
        return f"mongodb://{LOOPBACK}:{self.port}/?replicaSet={mongo.REPLICA_SET}&w=majority&journal=true"
