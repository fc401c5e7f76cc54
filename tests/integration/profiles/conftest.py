"""One profiles service in this process, on the real database and the real broker, called as its clients call it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.platform import topics
from services.platform.settings import KafkaSettings
from services.profiles.people.states import TOPICS
from tests.integration.profiles.running import ProfilesUnderTest, recreate_topics
from tests.runtime import Broker, Database


@pytest.fixture(scope="package")
async def profiles(broker: Broker, database: Database) -> AsyncIterator[ProfilesUnderTest]:
    kafka = KafkaSettings(bootstrap=broker.bootstrap)
    await recreate_topics(kafka, list(TOPICS.values()))
    await topics.ensure(kafka, list(TOPICS.values()))
    async with ProfilesUnderTest(kafka, database.uri) as running:
        yield running
