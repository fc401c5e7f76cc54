"""The container engine that these tests run on, through its command line; what it prints is shown when it fails."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ENOUGH_TO_PULL = 600.0
ENOUGH_TO_BUILD = 1800.0


class EngineFailed(Exception):
    """A command of the engine failed; the text has its arguments and its last lines."""


def _commands() -> list[str]:
    """Every `docker` on the path, or what ACQUAINT_TEST_DOCKER names."""
    if chosen := os.environ.get("ACQUAINT_TEST_DOCKER"):
        return [chosen]
    places = [Path(place) / "docker" for place in os.environ.get("PATH", "").split(os.pathsep)]
    return [str(place) for place in places if os.access(place, os.X_OK)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container that was started and is known by `name`."""

    engine: Engine
    name: str

    def logs(self) -> str:
        """What it wrote so far."""
        done = self.engine.call("logs", self.name)
        return done.stdout + done.stderr

    def stop(self, grace: int = 30) -> int:
        """SIGTERM, SIGKILL after `grace` seconds; returns its exit code."""
        self.engine.run("stop", "--time", str(grace), self.name, seconds=grace + 60.0)
        return int(self.engine.run("inspect", "--format", "{{.State.ExitCode}}", self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A `docker` whose daemon answers and that can build with secrets; `command` is its path."""

    command: str

    @classmethod
    def find(cls) -> Engine:
        """The first one on the path that serves. Raises EngineFailed when none does."""
        reasons = []
        for command in _commands():
            engine = cls(command=command)
            try:
                engine.run("info", "--format", "{{.ID}}", seconds=30.0)
                if "--secret" in engine.run("build", "--help", seconds=30.0):
                    return engine
                reasons.append(f"{command} cannot build with secrets: its buildx is missing")
            except EngineFailed as error:
                reasons.append(str(error))
        raise EngineFailed("\n".join(reasons) or "there is no docker on the path: install a container engine")

    def call(self, *arguments: str, seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
        """The command's outputs, apart. Raises EngineFailed when it fails or takes longer than `seconds`."""
        try:
            done = subprocess.run(
                [self.command, *arguments],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                text=True,
                timeout=seconds,
                env={**os.environ, "DOCKER_BUILDKIT": "1"},
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise EngineFailed(f"{self.command} {arguments[0]}: no end within {seconds:.0f} s") from None
        if done.returncode != 0:
            said = f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
            raise EngineFailed(f"{self.command} {' '.join(arguments)}: {done.returncode}\n{said}")
        return done

    def run(self, *arguments: str, seconds: float = 120.0) -> str:
        """As `call`, and only what the command printed."""
        return self.call(*arguments, seconds=seconds).stdout.strip()

    def can_have(self, image: str) -> bool:
        """True when the image is there or can be pulled."""
        for arguments in (("image", "inspect", "--format", "{{.Id}}", image), ("pull", "--quiet", image)):
            try:
                self.run(*arguments, seconds=ENOUGH_TO_PULL)
            except EngineFailed:
                continue
            return True
        return False

    def build(
        self,
        context: Path,
        tag: str,
        *,
        file: Path | None = None,
        arguments: Mapping[str, str] | None = None,
        secrets: Mapping[str, Path] | None = None,
    ) -> None:
        """Builds an image on the host's network, so that it needs no way out of a network of containers."""
        options = ["--network", "host", "--progress", "plain", "--tag", tag]
        options += ["--file", str(file)] if file else []
        for name, value in (arguments or {}).items():
            options += ["--build-arg", f"{name}={value}"]
        for name, path in (secrets or {}).items():
            options += ["--secret", f"id={name},src={path}"]
        self.run("build", *options, str(context), seconds=ENOUGH_TO_BUILD)

    @contextmanager
    def container(self, name: str, image: str, command: Sequence[str], options: Sequence[str]) -> Iterator[Container]:
        """A container in the background, gone when left."""
        try:
            self.run("run", "--detach", "--name", name, *options, image, *command)
            yield Container(engine=self, name=name)
        finally:
            self.run("rm", "--force", "--volumes", name)
