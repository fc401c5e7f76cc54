"""A service that cannot start ends at once, with an exit code and a sentence that names the setting to look at."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from services.devstack.ports import free_port
from services.devstack.process import clean_environment
from services.devstack.supervisor import Stack

ROOT = Path(__file__).parents[2]
SERVICES = ("profiles", "interactions", "recommendations", "notifications")
KEY = "k" * 48


async def ended(service: str, **settings: str) -> tuple[int, str]:
    """Runs a service that is expected to end by itself; returns its exit code and all it wrote."""
    environment = {
        "ACQUAINT_ENVIRONMENT": "development",
        "ACQUAINT_AUTH__MODE": "development",
        "ACQUAINT_AUTH__DEVELOPMENT_KEY": KEY,
        "ACQUAINT_MONGO__SERVER_SELECTION_SECONDS": "0.5",
        "ACQUAINT_KAFKA__BOOTSTRAP": f"127.0.0.1:{free_port()}",
        "ACQUAINT_MONGO__URI": f"mongodb://127.0.0.1:{free_port()}/?replicaSet=acquaint",
        "ACQUAINT_RPC__PORT": str(free_port()),
        "PYTHONPATH": os.pathsep.join(sys.path),
        **settings,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"services.{service}"),
        cwd=ROOT,
        env=clean_environment(environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode()


async def test_every_service_without_its_database_says_where_it_looked_and_ends() -> None:
    port = free_port()
    uri = f"mongodb://127.0.0.1:{port}/?replicaSet=acquaint"
    for code, text in await asyncio.gather(*(ended(service, ACQUAINT_MONGO__URI=uri) for service in SERVICES)):
        assert code == 69, text
        assert f"no database answers where ACQUAINT_MONGO__URI says: 127.0.0.1:{port}: " in text
        assert "Traceback" not in text


async def test_wrong_settings_are_all_named_and_no_secret_is_shown() -> None:
    code, text = await ended(
        "notifications",
        ACQUAINT_RPC__PORT="70000",
        ACQUAINT_MONGO__DATABASE="a b",
        ACQUAINT_CONSUMER__WATCHDOG="30",
        ACQUAINT_KAFKA__BOOTSTRAP="nowhere",
        ACQUAINT_MONGO__URI="http://user:hunter2@db",
        ACQUAINT_AUTH__DEVELOPMENT_KEY="hunter2",
    )
    assert code == 78, text
    for name in ("RPC__PORT", "MONGO__DATABASE", "CONSUMER__WATCHDOG", "KAFKA__BOOTSTRAP", "MONGO__URI"):
        assert f"  ACQUAINT_{name}: " in text, text
    assert "hunter2" not in text
    assert "Traceback" not in text


async def test_a_metrics_port_that_is_taken_is_named(stack: Stack) -> None:
    taken = str(stack.services["profiles"].metrics_port)
    code, text = await ended("profiles", ACQUAINT_TELEMETRY__METRICS_PORT=taken)
    assert code == 69, text
    assert f"127.0.0.1:{taken} cannot be listened on" in text
    assert "ACQUAINT_TELEMETRY__METRICS_PORT" in text


async def test_a_port_that_is_taken_is_named(stack: Stack, unique: str) -> None:
    taken = str(stack.services["notifications"].port)
    code, text = await ended(
        "notifications",
        ACQUAINT_RPC__PORT=taken,
        ACQUAINT_KAFKA__BOOTSTRAP=stack.broker.bootstrap,
        ACQUAINT_MONGO__URI=stack.database.uri,
        ACQUAINT_MONGO__DATABASE=unique,
    )
    assert code == 69, text
    assert f"127.0.0.1:{taken}" in text
    assert "ACQUAINT_RPC__PORT" in text
    assert "Traceback" not in text
