"""A container that behaves like a child process: the way out on systems for which there is no package."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.devstack.finders import Docker
from services.devstack.ports import LOOPBACK
from services.devstack.process import Child, clean_environment


class Container(Child):
    """One container, named after its data directory; what we hold is the `docker run` that shows its output.

    That process dies with us, the container may not; so whatever has its name goes before a start and after a stop.
    """

    def __init__(self, name: str, directory: Path, docker: Docker) -> None:
        super().__init__(name, directory)
        self._docker = docker.command
        self._container = f"acquaint-{name}-{hashlib.sha256(str(directory).encode()).hexdigest()[:12]}"

    def run_command(
        self, image: str, *, port: int, data: str, settings: Mapping[str, str], arguments: Sequence[str] = ()
    ) -> list[str]:
        """`docker run` for `image`, with `port` published on loopback only and a volume of its own name at `data`.

        A volume, not a directory of ours: it belongs to whichever user the image runs as.
        """
        environment = [part for name, value in settings.items() for part in ("--env", f"{name}={value}")]
        return [
            *(self._docker, "run", "--rm", "--name", self._container),
            *("--publish", f"{LOOPBACK}:{port}:{port}", "--volume", f"{self._container}:{data}"),
            *(*environment, image, *arguments),
        ]

    async def end_orphan(self, grace: float = 10.0) -> bool:
        """Removes a container of this name that an earlier owner left."""
        return await self._call("rm", "--force", self._container) == 0

    async def stop(self, grace: float = 10.0) -> None:
        """`docker stop`, then removal of whatever is left."""
        await self._call("unpause", self._container)
        await self._call("stop", "--time", str(int(grace)), self._container)
        await self.end_orphan()
        await super().stop(grace)

    async def kill(self) -> None:
        """`docker kill`: SIGKILL inside the container."""
        await self._call("kill", self._container)
        await self.wait(10.0)
        await self.end_orphan()

    async def pause(self) -> None:
        """`docker pause`."""
        await self._call("pause", self._container)

    async def resume(self) -> None:
        """`docker unpause`."""
        await self._call("unpause", self._container)

    async def _call(self, *arguments: str) -> int:
        process = await asyncio.create_subprocess_exec(
            self._docker,
            *arguments,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=clean_environment(),
        )
        return await process.wait()
