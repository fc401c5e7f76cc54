"""The one table of topics: declared by options in the services' protos, created here, read by everybody else.

A topic's number of partitions never changes: the way to more is a new topic version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from acquaint.options.v1 import options_pb2
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code
from google.protobuf import message_factory
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message

from services.platform.kafka import client_options
from services.platform.settings import KafkaSettings

DEAD_LETTERS_KEPT = timedelta(days=7)
_HOUR_MS = 3_600_000


class TopicKind(Enum):
    """How a topic keeps its records."""

    FACT = "fact"  # time-limited, one record per event
    STATE = "state"  # compacted, each record the whole state with its version
    INBOUND = "inbound"  # written by other systems


_KINDS: Mapping[int, TopicKind] = {
    options_pb2.TOPIC_KIND_FACT: TopicKind.FACT,
    options_pb2.TOPIC_KIND_STATE: TopicKind.STATE,
    options_pb2.TOPIC_KIND_INBOUND: TopicKind.INBOUND,
}


class PartitionsDiffer(Exception):
    """A topic has another number of partitions than declared. More partitions need a new topic version."""

    def __init__(self, topic: str, declared: int, found: int) -> None:
        super().__init__(f"{topic} has {found} partitions, but {declared} are declared; use a new topic version")
        self.topic, self.declared, self.found = topic, declared, found


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One row of the table. `consumers` read as groups named by their service; every replica of `followers` reads all.

    `retention` is None on compacted topics. `events` are the messages it carries by full name.
    """

    name: str
    kind: TopicKind
    key: str
    partitions: int
    events: Mapping[str, type[Message]] = field(repr=False)
    retention: timedelta | None = None
    writer: str = ""
    consumers: tuple[str, ...] = ()
    followers: tuple[str, ...] = ()
    integration: bool = False
    journal_forever: bool = False
    description: str = ""

    @property
    def compacted(self) -> bool:
        return self.kind is TopicKind.STATE

    @property
    def readers(self) -> tuple[str, ...]:
        """Every service that may read it."""
        return tuple(dict.fromkeys((*self.consumers, *self.followers)))

    @property
    def dead_letters(self) -> Mapping[str, str]:
        """The dead-letter topic of each consumer group."""
        return {group: f"{self.name}.{group}.dlq" for group in self.consumers}

    def configuration(self) -> dict[str, str]:
        """The topic's settings at the broker. Records carry the time of publication."""
        settings = {"message.timestamp.type": "LogAppendTime"}
        if self.compacted:
            settings |= {
                "cleanup.policy": "compact",
                "max.compaction.lag.ms": str(24 * _HOUR_MS),
                "min.cleanable.dirty.ratio": "0.1",
                "segment.ms": str(12 * _HOUR_MS),
            }
        elif self.retention is not None:
            settings |= {"cleanup.policy": "delete", "retention.ms": _milliseconds(self.retention)}
        if self.kind is TopicKind.INBOUND:
            # Other systems may compress as they like; the broker unpacks, so that our readers need no codec.
            settings["compression.type"] = "uncompressed"
        return settings


def declared(*files: FileDescriptor) -> Mapping[str, Topic]:
    """The topics that these proto files declare, by name, with the events of these files that travel on them.

    Raises ValueError for a declaration that is incomplete, double, or that no event or no declaration belongs to.
    """
    rows: dict[str, options_pb2.TopicDeclaration] = {}
    for file in files:
        for row in file.GetOptions().Extensions[options_pb2.topic]:
            if row.name in rows:
                raise ValueError(f"topic {row.name} is declared twice")
            rows[row.name] = row
    events: dict[str, dict[str, type[Message]]] = {name: {} for name in rows}
    for file in files:
        for message in file.message_types_by_name.values():
            for name in message.GetOptions().Extensions[options_pb2.event].topic:
                if name not in events:
                    raise ValueError(f"{message.full_name} travels on {name}, which is not declared")
                events[name][message.full_name] = message_factory.GetMessageClass(message)
    return {name: _topic(row, events[name]) for name, row in rows.items()}


def _topic(row: options_pb2.TopicDeclaration, events: Mapping[str, type[Message]]) -> Topic:
    kind = _KINDS.get(row.kind)
    if kind is None:
        raise ValueError(f"topic {row.name} has no kind")
    if not events:
        raise ValueError(f"topic {row.name} carries no event")
    if (row.retention_days == 0) != (kind is TopicKind.STATE):
        raise ValueError(f"topic {row.name}: retention_days is needed, except on state topics")
    if (row.writer == "") != (kind is TopicKind.INBOUND):
        raise ValueError(f"topic {row.name}: a writer is needed, except on inbound topics")
    return Topic(
        name=row.name,
        kind=kind,
        key=row.key,
        partitions=row.partitions or 1,
        events=events,
        retention=timedelta(days=row.retention_days) if row.retention_days else None,
        writer=row.writer,
        consumers=tuple(row.consumers),
        followers=tuple(row.followers),
        integration=row.integration,
        journal_forever=row.journal_forever,
        description=row.description,
    )


async def ensure(settings: KafkaSettings, topics: Sequence[Topic]) -> None:
    """Creates the topics and their dead-letter topics where they do not exist yet.

    Raises PartitionsDiffer when one exists with another number of partitions than declared.
    """
    wanted: dict[str, NewTopic] = {}
    for topic in topics:
        wanted[topic.name] = _new(topic.name, topic.partitions, topic.configuration(), settings)
        kept = {
            "cleanup.policy": "delete",
            "retention.ms": _milliseconds(DEAD_LETTERS_KEPT),
            # The largest record that its own topic took must fit together with the headers of a dead letter.
            "max.message.bytes": str(2 << 20),
        }
        for name in topic.dead_letters.values():
            wanted[name] = _new(name, 1, kept, settings)
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        missing = [each for name, each in wanted.items() if name not in existing]
        if missing:
            answer = await admin.create_topics(missing)
            for name, code, *_ in answer.topic_errors:
                error = for_code(code)
                if code and error is not TopicAlreadyExistsError:
                    raise error(f"{name} could not be created")
        present = [name for name in wanted if name in existing]
        for described in await admin.describe_topics(present) if present else []:
            name, found = described["topic"], len(described["partitions"])
            if found != wanted[name].num_partitions:
                raise PartitionsDiffer(name, wanted[name].num_partitions, found)
    finally:
        await admin.close()


def _new(name: str, partitions: int, configuration: Mapping[str, str], settings: KafkaSettings) -> NewTopic:
    return NewTopic(name, partitions, settings.replication_factor, topic_configs=dict(configuration))


def _milliseconds(duration: timedelta) -> str:
    return str(int(duration.total_seconds() * 1000))
