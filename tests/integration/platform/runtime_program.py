"""A service as a process, for the tests that send it signals: each call says that it is handled and takes a moment."""

from __future__ import annotations

import asyncio
from typing import Any

from services.platform.rpc import Server
from services.platform.runtime import Service, run
from services.platform.settings import ServiceSettings
from services.platform.telemetry import configure, get_logger
from tests.integration.platform.rpc_echo import Echo


async def build(settings: ServiceSettings) -> Service:
    async def takes_a_moment(_: Any) -> None:
        get_logger("program").info("handling")
        await asyncio.sleep(0.3)

    echo = Echo()
    echo.behaviour = takes_a_moment
    return Service(server=Server(settings, [echo.mount()], telemetry=configure(settings)))


if __name__ == "__main__":
    run("echo", ServiceSettings, build)
