"""A real broker and a real database, started once for the whole session, and names that no other test uses."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import hypothesis
import pytest

from tests.runtime import Broker, Database, open_broker, open_database

# How long one example takes measures the machine's load, not the code.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Broker]:
    """The session's Kafka broker. Whoever kills or pauses it brings it back before the test ends."""
    async with open_broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(scope="session")
async def database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """The session's MongoDB replica set (one member). Whoever kills or pauses it brings it back."""
    async with open_database(tmp_path_factory.mktemp("database")) as running:
        yield running


@pytest.fixture
def unique() -> str:
    """A short name that no other test uses, for whatever must not be shared."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def database_name(unique: str) -> str:
    """The name of a database of this test's own."""
    return f"{unique}_db"


@pytest.fixture
def topic_prefix(unique: str) -> str:
    """What the names of this test's topics and groups begin with (ends with a dot)."""
    return f"{unique}."
