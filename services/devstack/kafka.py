"""A real Kafka broker (KRaft, one node) on loopback, whose data and port outlive a stop, a kill and a restart."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from services.devstack.containers import Container
from services.devstack.errors import PortTaken, StartFailed
from services.devstack.files import DirectoryLock, write_atomically
from services.devstack.finders import Docker, Machine, broker_runtime
from services.devstack.jars import class_path
from services.devstack.kafka_probe import answers_metadata
from services.devstack.ports import LOOPBACK, PortBook, is_free
from services.devstack.process import Child, clean_environment

USUAL_PORT = 9092
IMAGE = "apache/kafka:4.3.1"
IMAGE_DATA = "/var/lib/kafka/data"
CONTAINER_CONTROLLER_PORT = 29093
LOG_SETTINGS = Path(__file__).with_name("log4j2.properties")
JVM_OPTIONS = (
    "-Xms96m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:MaxMetaspaceSize=96m", "-XX:ReservedCodeCacheSize=64m", "-Xss512k",
    # The first compiler only: half the time to start, 45 MB less, and not measurably slower at this work.
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true", "-Djava.net.preferIPv4Stack=true",
    "-Dlog4j2.disableJmx=true",
)  # fmt: skip
# One node, little memory, and nothing that makes a single broker wait for others that never come.
SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    "log.segment.bytes": str(256 * 1024 * 1024),
    # A broker that was killed is known again at once: its old session must not outlive the restart.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "400",
}


class LocalBroker:
    """One broker in `data_dir`. `port` asks for exactly that one; `usual` is taken if free and none is remembered.

    `settings` are further lines of server.properties. `async with LocalBroker(data_dir=…) as broker: broker.bootstrap`.
    """

    def __init__(
        self,
        *,
        data_dir: Path,
        port: int | None = None,
        usual: int | None = None,
        settings: Mapping[str, str] | None = None,
        machine: Machine | None = None,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.child = Child("broker", self.data_dir)
        self._asked, self._usual = port, usual
        self._settings = {**SETTINGS, **(settings or {})}
        self._machine = machine or Machine()
        self._lock = DirectoryLock(self.data_dir)
        self._ports = PortBook(self.data_dir)
        self._port: int | None = None

    @property
    def port(self) -> int:
        """The port it listens on; known once it was started."""
        if self._port is None:
            raise RuntimeError("the broker was never started")
        return self._port

    @property
    def bootstrap(self) -> str:
        """host:port for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def address(self) -> str:
        """`bootstrap`, or nothing before the first start."""
        return self.bootstrap if self._port is not None else ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self, *, seconds: float = 120.0) -> None:
        """Starts it, again on its data and port if it has any, and returns when it answers metadata requests.

        Raises Missing, PortTaken, DirectoryInUse or StartFailed.
        """
        self._lock.acquire()
        try:
            runtime = await asyncio.to_thread(broker_runtime, self._machine)
            if isinstance(runtime, Docker):
                self.child = Container("broker", self.data_dir, runtime)
            await self.child.end_orphan()
            for attempts_left in (2, 1, 0):
                self._port = port = self._ports.choose("broker", usual=self._usual, exactly=self._asked)
                self.child.start(await self._command(runtime, port), clean_environment())
                if await self._answers(seconds):
                    return
                # Another program may have taken a port between the choice and the use.
                taken = not self.child.running and not all(map(is_free, self._ports.remembered().values()))
                if taken and self._asked is not None and not is_free(port):
                    raise PortTaken("the broker", port)
                if not (taken and attempts_left):
                    why = f"no answer within {seconds:.0f} s" if self.child.running else "it ended"
                    raise StartFailed("the Kafka broker", why, self.child.log_tail())
        except BaseException:
            await self.stop()
            raise

    async def stop(self, *, grace: float = 15.0) -> None:
        """Stops it in order (SIGTERM) and gives the directory back. Without the directory there is nothing to stop."""
        if not self._lock.held:
            return
        await self.child.stop(grace)
        self._lock.release()

    async def kill(self) -> None:
        """SIGKILL. `start` brings it back on the same data and port."""
        await self.child.kill()

    async def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        await self.child.pause()

    async def resume(self) -> None:
        """SIGCONT."""
        await self.child.resume()

    async def _answers(self, seconds: float) -> bool:
        deadline = asyncio.get_running_loop().time() + seconds
        while self.child.running and asyncio.get_running_loop().time() < deadline:
            if await answers_metadata(LOOPBACK, self.port):
                return True
            await asyncio.sleep(0.1)
        return False

    async def _command(self, runtime: str | Docker, port: int) -> list[str]:
        if isinstance(self.child, Container):
            settings = container_environment(port, self._settings)
            return self.child.run_command(IMAGE, port=port, data=IMAGE_DATA, settings=settings)
        controller = self._ports.choose("controller")
        properties = self.data_dir / "server.properties"
        lines = _properties(self._settings, port, controller, host=LOOPBACK, logs=str(self.data_dir / "log"))
        write_atomically(properties, "".join(f"{name}={value}\n" for name, value in lines.items()))
        jars = await asyncio.to_thread(class_path)
        options = [*JVM_OPTIONS, f"-Dlog4j2.configurationFile={LOG_SETTINGS}", "-cp", ":".join(map(str, jars))]
        # In a file, because 46 jars would make the command line unreadable to whoever lists processes.
        write_atomically(self.data_dir / "java.options", "".join(f"{_quoted(option)}\n" for option in options))
        java = [str(runtime), f"@{self.data_dir / 'java.options'}"]
        if not (self.data_dir / "log" / "meta.properties").exists():
            await self._format(java, properties)
        return [*java, "kafka.Kafka", str(properties)]

    async def _format(self, java: list[str], properties: Path) -> None:
        child = Child("format", self.data_dir)
        tool = ["kafka.tools.StorageTool", "format", "--cluster-id", _cluster_id(), "--config", str(properties)]
        child.start([*java, *tool], clean_environment())
        if not await child.wait(60.0) or child.exit_code != 0:
            await child.kill()
            raise StartFailed("the Kafka broker", "its storage could not be formatted", child.log_tail())
        await child.stop()


def container_environment(port: int, settings: Mapping[str, str] = SETTINGS) -> dict[str, str]:
    """The environment of an official image whose broker listens on `port`, published on loopback under that number."""
    lines = _properties(settings, port, CONTAINER_CONTROLLER_PORT, host="0.0.0.0", logs=IMAGE_DATA)
    return {f"KAFKA_{name.replace('.', '_').upper()}": value for name, value in lines.items()}


def _properties(settings: Mapping[str, str], port: int, controller: int, *, host: str, logs: str) -> dict[str, str]:
    return {
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "log.dirs": logs,
        **settings,
    }


def _quoted(option: str) -> str:
    return '"' + option.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _cluster_id() -> str:
    """A Kafka Uuid: 16 random bytes in URL-safe base64; one that starts with '-' would read as an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text
