"""The session's broker and database answer, and each test has names of its own."""

from __future__ import annotations

from services.devstack.kafka_probe import answers_metadata
from tests.runtime import Broker, Database


async def test_the_broker_of_the_session_answers_metadata_requests(broker: Broker) -> None:
    host, port = broker.bootstrap.split(":")
    assert await answers_metadata(host, int(port))


async def test_the_database_of_the_session_is_a_replica_set(database: Database) -> None:
    assert "replicaSet=" in database.uri


def test_names_are_not_shared(database_name: str, topic_prefix: str, unique: str) -> None:
    assert database_name.startswith(unique)
    assert topic_prefix.startswith(unique)
