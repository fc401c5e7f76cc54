"""Topics are created as declared, once, and one that exists with other partitions is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from google.protobuf.wrappers_pb2 import StringValue

from services.platform import topics
from services.platform.kafka import client_options
from services.platform.log import KafkaLog
from services.platform.settings import KafkaSettings
from services.platform.topics import PartitionsDiffer, Topic, TopicKind
from tests.integration.platform.outbox_stage import renamed
from tests.runtime import Broker


def table(prefix: str) -> list[Topic]:
    events = {StringValue.DESCRIPTOR.full_name: StringValue}
    return [
        Topic(
            name=f"{prefix}facts.v1",
            kind=TopicKind.FACT,
            key="thing",
            partitions=3,
            retention=timedelta(days=2),
            writer="tests",
            consumers=("reader",),
            events=events,
        ),
        Topic(
            name=f"{prefix}states.v1", kind=TopicKind.STATE, key="thing", partitions=2, writer="tests", events=events
        ),
    ]


async def configuration(kafka: KafkaSettings, name: str) -> dict[str, str]:
    admin = AIOKafkaAdminClient(**client_options(kafka))
    await admin.start()
    try:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        ((_, _, _, _, entries),) = answer.resources
        return {entry[0]: entry[1] for entry in entries}
    finally:
        await admin.close()


async def test_declared_topics_and_their_dead_letters_exist_afterwards(broker: Broker, topic_prefix: str) -> None:
    kafka = KafkaSettings(bootstrap=broker.bootstrap)
    facts, states = table(topic_prefix)
    await topics.ensure(kafka, [facts, states])
    await topics.ensure(kafka, [facts, states])
    log = KafkaLog(kafka)
    assert await log.partitions(facts.name) == 3
    assert await log.partitions(states.name) == 2
    assert await log.partitions(f"{facts.name}.reader.dlq") == 1
    assert (await configuration(kafka, facts.name))["retention.ms"] == str(2 * 86_400_000)
    assert (await configuration(kafka, states.name))["cleanup.policy"] == "compact"
    assert (await configuration(kafka, f"{facts.name}.reader.dlq"))["retention.ms"] == str(7 * 86_400_000)


async def test_a_topic_with_another_number_of_partitions_is_refused(broker: Broker, topic_prefix: str) -> None:
    kafka = KafkaSettings(bootstrap=broker.bootstrap)
    facts, _ = table(topic_prefix)
    await topics.ensure(kafka, [facts])
    with pytest.raises(PartitionsDiffer):
        await topics.ensure(kafka, [renamed(facts, partitions=4)])
