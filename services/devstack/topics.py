"""The topics of all services, created on the local broker from the declarations in the services' own protos."""

from __future__ import annotations

from acquaint.interactions.v1 import events_pb2 as interactions
from acquaint.notifications.v1 import events_pb2 as notifications
from acquaint.profiles.v1 import events_pb2 as profiles
from acquaint.recommendations.v1 import events_pb2 as recommendations

from services.devstack.errors import DevstackError
from services.platform.settings import KafkaSettings
from services.platform.topics import PartitionsDiffer, declared, ensure


async def ensure_topics(bootstrap: str) -> None:
    """Creates what is missing; raises DevstackError when a topic has another number of partitions than declared."""
    table = declared(*(module.DESCRIPTOR for module in (profiles, interactions, recommendations, notifications)))
    try:
        await ensure(KafkaSettings(bootstrap=bootstrap), list(table.values()))
    except PartitionsDiffer as difference:
        raise DevstackError(f"the broker's data does not fit this version: {difference}") from difference
