"""Profiles and interactions for the tests of this folder, on topics that begin anew."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from services.devstack.ports import free_port
from tests.integration.recommendations.trio import Ground, Trio, trio
from tests.runtime import Broker, Database


@pytest.fixture(scope="package")
async def three(broker: Broker, database: Database) -> AsyncIterator[Trio]:
    ground = Ground(
        bootstrap=broker.bootstrap,
        uri=database.uri,
        profiles_port=free_port(),
        interactions_port=free_port(),
        name=f"trio_{uuid.uuid4().hex[:8]}",
    )
    async with trio(ground) as running:
        yield running


@pytest.fixture
def port() -> int:
    return free_port()
