"""The broker's class path: every jar by pinned version and checksum (`kafka.lock`), fetched once into the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from services.devstack.errors import DevstackError, Missing

LOCK = Path(__file__).with_name("kafka.lock")
Fetch = Callable[["Jar", Path], Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """One pinned jar: Maven group, artifact and version, and the SHA-256 of its bytes in hex."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def read_lock(path: Path = LOCK) -> list[Jar]:
    """The pinned jars, in class path order."""
    rows = [line.split() for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return [Jar(group=g, artifact=a, version=v, sha256=digest) for g, a, v, digest in rows]


def cache_directory() -> Path:
    """ACQUAINT_CACHE, else `.cache` of the checkout, else the user's cache."""
    if chosen := os.environ.get("ACQUAINT_CACHE"):
        return Path(chosen).resolve()
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file():
        return checkout / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "acquaint"


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fetch_from_maven(jar: Jar, workspace: Path) -> Path:
    """The jar from the local Maven repository when it is there, else from the configured or the central one."""
    try:
        from jgo.config import GlobalSettings
        from jgo.constants import MAVEN_CENTRAL_URL, default_maven_repo
        from jgo.maven import MavenContext
    except ImportError:
        raise Missing(
            "the broker's jars are fetched with jgo, which is missing: pip install 'acquaint[local]'"
        ) from None
    context = MavenContext(
        repo_cache=workspace,
        local_repos=[default_maven_repo()],
        remote_repos={**GlobalSettings.load().repositories, "central": MAVEN_CENTRAL_URL},
        timeout=60,
    )
    found: Path = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    return found


def class_path(
    cache: Path | None = None, *, fetch: Fetch = fetch_from_maven, jars: Sequence[Jar] | None = None
) -> list[Path]:
    """The jars on disk, in class path order; whatever is missing is fetched and checked first, with a progress bar.

    A complete cache is recognised by a mark that names the pins, so the second time costs nothing. Raises DevstackError
    when a jar cannot be fetched or its checksum is not the pinned one.
    """
    pinned = read_lock() if jars is None else list(jars)
    pins = hashlib.sha256("".join(f"{jar.file_name} {jar.sha256}\n" for jar in pinned).encode()).hexdigest()
    directory = (cache or cache_directory()) / "kafka" / pins[:16]
    paths = [directory / jar.file_name for jar in pinned]
    mark = directory / "complete"
    if mark.is_file() and all(path.is_file() for path in paths):
        return paths
    directory.mkdir(parents=True, exist_ok=True)
    wanting = [jar for jar in pinned if not _is_good(directory / jar.file_name, jar)]
    # Each fetch works in a directory of its own and moves whole files in, so two first starts at once do no harm.
    with tempfile.TemporaryDirectory(dir=directory, prefix="fetch-") as workspace, ThreadPoolExecutor(8) as pool:
        jobs = {pool.submit(_fetch_checked, fetch, jar, Path(workspace), directory): jar for jar in wanting}
        with Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task("Fetching Apache Kafka (once)", total=len(jobs))
            for job in as_completed(jobs):
                if (failure := job.exception()) is not None:
                    pool.shutdown(wait=False, cancel_futures=True)
                    if isinstance(failure, DevstackError):
                        raise failure
                    raise DevstackError(f"{jobs[job].file_name} could not be fetched: {failure}") from failure
                progress.advance(bar)
    mark.touch()
    return paths


def _fetch_checked(fetch: Fetch, jar: Jar, workspace: Path, directory: Path) -> None:
    fetched = fetch(jar, workspace)
    if not _is_good(fetched, jar):
        raise DevstackError(
            f"{jar.file_name} is not the pinned file: SHA-256 {digest_of(fetched)}, expected {jar.sha256}"
        )
    own = workspace / f"{jar.file_name}.checked"
    shutil.copyfile(fetched, own)
    own.replace(directory / jar.file_name)


def _is_good(path: Path, jar: Jar) -> bool:
    return path.is_file() and digest_of(path) == jar.sha256
