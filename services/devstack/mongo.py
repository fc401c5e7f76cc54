"""A real MongoDB replica set on loopback, one member or three, whose data and ports outlive a kill and a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from services.devstack.containers import Container
from services.devstack.errors import Missing, PortTaken, StartFailed
from services.devstack.files import DirectoryLock
from services.devstack.finders import Docker, Machine, database_runtime
from services.devstack.mongo_probe import command
from services.devstack.ports import LOOPBACK, PortBook, is_free, is_listening
from services.devstack.process import Child, clean_environment
from services.platform.mongo import DatabaseError

USUAL_PORT = 27017
IMAGE = "mongo:8.0"
IMAGE_DATA = "/data/db"
REPLICA_SET = "acquaint"
NOT_YET_INITIALIZED = 94
# A dead primary costs about 3 s of writes instead of 11 s, a frozen one about 7 s instead of 20 s.
SET_SETTINGS: Mapping[str, int | bool] = {
    "electionTimeoutMillis": 2000,
    "heartbeatTimeoutSecs": 2,
    "heartbeatIntervalMillis": 500,
    "chainingAllowed": False,
}
PARAMETERS: Mapping[str, str] = {
    "transactionLifetimeLimitSeconds": "30",
    "diagnosticDataCollectionEnabled": "false",
    # The default lets a primary wait 15 s for its successor to catch up; all members stop together here.
    "shutdownTimeoutMillisForSignaledShutdown": "100",
}


class Member:
    """One mongod of the set. It can be killed, paused, resumed and started again on its own."""

    def __init__(self, index: int, directory: Path, *, cache_gb: float) -> None:
        self.name = f"database-{index}"
        self.directory = directory
        self.child = Child(self.name, directory)
        self.port = 0
        self._cache_gb = cache_gb
        self._runtime: str | Docker | None = None

    def prepare(self, runtime: str | Docker) -> None:
        """Decides what runs it."""
        self._runtime = runtime
        if isinstance(runtime, Docker) and not isinstance(self.child, Container):
            self.child = Container(self.name, self.directory, runtime)

    def launch(self) -> None:
        """Starts the process without waiting for anything."""
        data = self.directory / self.name
        arguments = [
            *("--port", str(self.port), "--replSet", REPLICA_SET, "--oplogSize", "1024"),
            *("--wiredTigerCacheSizeGB", str(self._cache_gb)),
            *(part for name, value in PARAMETERS.items() for part in ("--setParameter", f"{name}={value}")),
        ]
        if isinstance(self.child, Container):
            arguments += ["--bind_ip_all"]
            launched = self.child.run_command(IMAGE, port=self.port, data=IMAGE_DATA, settings={}, arguments=arguments)
        else:
            data.mkdir(parents=True, exist_ok=True)
            # --quiet: a line for each connection of each probe would bury the rest.
            arguments += ["--dbpath", str(data), "--bind_ip", LOOPBACK, "--nounixsocket", "--quiet"]
            launched = [str(self._runtime), *arguments]
        self.child.start(launched, clean_environment())

    async def start(self, *, seconds: float = 60.0) -> None:
        """Starts it again after a kill and returns when it answers."""
        self.launch()
        deadline = asyncio.get_running_loop().time() + seconds
        while not await self.answers():
            if not self.child.running or asyncio.get_running_loop().time() > deadline:
                raise StartFailed(self.name, "it ended or did not answer", self.child.log_tail())
            await asyncio.sleep(0.05)

    async def answers(self) -> bool:
        """True when the server takes commands."""
        return await is_listening(self.port) and await command(self.port, {"ping": 1}, seconds=1.0) is not None

    async def kill(self) -> None:
        """SIGKILL."""
        await self.child.kill()

    async def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        await self.child.pause()

    async def resume(self) -> None:
        """SIGCONT."""
        await self.child.resume()


class LocalDatabase:
    """A replica set of `members` in `data_dir`. `port` asks for exactly that one (first member); `usual` is preferred.

    `async with LocalDatabase(data_dir=…) as database: database.uri`. Writes are majority and journaled by default.
    """

    def __init__(
        self,
        *,
        data_dir: Path,
        members: int = 1,
        port: int | None = None,
        usual: int | None = None,
        cache_gb: float = 0.25,
        machine: Machine | None = None,
    ) -> None:
        if members not in (1, 3):
            raise ValueError("a replica set has one member or three")
        self.data_dir = data_dir.resolve()
        self.members = [Member(index, self.data_dir, cache_gb=cache_gb) for index in range(members)]
        self._asked, self._usual = port, usual
        self._machine = machine or Machine()
        self._lock = DirectoryLock(self.data_dir)
        self._ports = PortBook(self.data_dir)

    @property
    def hosts(self) -> list[str]:
        """host:port of every member; known once it was started."""
        return [f"{LOOPBACK}:{member.port}" for member in self.members]

    @property
    def uri(self) -> str:
        """The connection string for clients."""
        return f"mongodb://{','.join(self.hosts)}/?replicaSet={REPLICA_SET}&w=majority&journal=true"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self, *, seconds: float = 120.0) -> None:
        """Starts all members, again on their data and ports if they have any; returns when there is a primary.

        Raises Missing, PortTaken, DirectoryInUse or StartFailed.
        """
        self._lock.acquire()
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            runtime = await asyncio.to_thread(database_runtime, self._machine)
            if isinstance(runtime, Docker) and len(self.members) > 1:
                raise Missing("three members need a mongod on this machine: containers here cannot reach each other")
            for member in self.members:
                member.prepare(runtime)
            await asyncio.gather(*(member.child.end_orphan() for member in self.members))
            for index, member in enumerate(self.members):
                first = index == 0
                member.port = self._ports.choose(
                    member.name, usual=self._usual if first else None, exactly=self._asked if first else None
                )
                member.launch()
            await asyncio.gather(*(self._up(member, deadline) for member in self.members))
            await self._form_set(deadline)
            while await self.primary() is None:
                self._check(deadline)
                await asyncio.sleep(0.05)
        except BaseException:
            await self.stop()
            raise

    async def stop(self, *, grace: float = 15.0) -> None:
        """Stops all members in order (SIGTERM) and gives the directory back. Without it there is nothing to stop."""
        if not self._lock.held:
            return
        await asyncio.gather(*(member.child.stop(grace) for member in self.members))
        self._lock.release()

    async def kill(self) -> None:
        """SIGKILL for every member. `start` brings them back on the same data and ports."""
        await asyncio.gather(*(member.kill() for member in self.members))

    async def pause(self) -> None:
        """SIGSTOP for every member."""
        await asyncio.gather(*(member.pause() for member in self.members))

    async def resume(self) -> None:
        """SIGCONT for every member."""
        await asyncio.gather(*(member.resume() for member in self.members))

    async def primary(self) -> Member | None:
        """The member that takes writes now, if there is one."""
        for member in self.members:
            if member.child.running:
                answer = await command(member.port, {"hello": 1})
                if answer is not None and answer.get("isWritablePrimary"):
                    return member
        return None

    async def _up(self, member: Member, deadline: float) -> None:
        attempts_left = 2
        while not await member.answers():
            if not member.child.running and not is_free(member.port):
                # Another program took the port between the choice and the use.
                if self._asked == member.port:
                    raise PortTaken("the database", member.port)
                if attempts_left:
                    attempts_left -= 1
                    member.port = self._ports.choose(member.name)
                    member.launch()
            self._check(deadline)
            await asyncio.sleep(0.05)

    def _check(self, deadline: float) -> None:
        for member in self.members:
            if not member.child.running:
                raise StartFailed("the MongoDB server", "it ended", member.child.log_tail())
            if asyncio.get_running_loop().time() > deadline:
                raise StartFailed("the MongoDB replica set", "no primary in time", member.child.log_tail())

    async def _form_set(self, deadline: float) -> None:
        """Makes the set the first time; later only corrects the ports, when one of them had to change."""
        first = self.members[0].port
        while True:
            try:
                answer = await command(first, {"replSetGetConfig": 1})
                if answer is not None:
                    await self._correct(answer["config"])
                    return
            except DatabaseError as refusal:
                if refusal.code != NOT_YET_INITIALIZED:
                    raise StartFailed(
                        "the MongoDB replica set", str(refusal), self.members[0].child.log_tail()
                    ) from None
                await self._initiate(first)
            self._check(deadline)
            await asyncio.sleep(0.05)

    async def _initiate(self, port: int) -> None:
        try:
            await command(port, {"replSetInitiate": self._config(1)}, seconds=20.0)
        except DatabaseError:
            return  # it is still reading the configuration it already has; the caller asks again

    async def _correct(self, kept: Mapping[str, Any]) -> None:
        if [member["host"] for member in kept["members"]] == self.hosts:
            return
        body = {"replSetReconfig": self._config(int(kept["version"]) + 1, int(kept["term"])), "force": True}
        await command(self.members[0].port, body, seconds=20.0)

    def _config(self, version: int, term: int | None = None) -> dict[str, Any]:
        members = [{"_id": index, "host": host} for index, host in enumerate(self.hosts)]
        config = {"_id": REPLICA_SET, "version": version, "members": members, "settings": dict(SET_SETTINGS)}
        return config if term is None else config | {"term": term}
