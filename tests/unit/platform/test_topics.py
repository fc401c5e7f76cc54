"""The table of topics follows from the protos, and a declaration that is wrong is refused before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from acquaint.interactions.v1 import events_pb2 as interactions
from acquaint.options.v1 import options_pb2
from acquaint.profiles.v1 import events_pb2 as profiles
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import Default

from services.platform.topics import TopicKind, declared

FACT: dict[str, Any] = {"kind": options_pb2.TOPIC_KIND_FACT, "retention_days": 30, "writer": "tests"}


def file(name: str, topics: Sequence[dict[str, Any]], events: Sequence[str]) -> FileDescriptor:
    """A proto file with these topics and one event on each name in `events`."""
    made = FileDescriptorProto(name=f"tests/{name}.proto", package=f"tests.{name}", syntax="proto3")
    made.dependency.append("acquaint/options/v1/options.proto")
    for each in topics:
        made.options.Extensions[options_pb2.topic].add(**each)
    for number, topic in enumerate(events):
        message = made.message_type.add(name=f"Event{number}")
        message.options.Extensions[options_pb2.event].topic.append(topic)
    Default().AddSerializedFile(made.SerializeToString())
    return Default().FindFileByName(made.name)


def test_the_services_topics_are_declared_with_their_events() -> None:
    table = declared(profiles.DESCRIPTOR, interactions.DESCRIPTOR)
    journal = table["acquaint.interactions.v1"]
    assert (journal.kind, journal.partitions, journal.journal_forever) == (TopicKind.FACT, 1, True)
    assert journal.retention == timedelta(days=30)
    assert journal.events["acquaint.interactions.v1.InteractionRecorded"] is interactions.InteractionRecorded
    people = table["acquaint.profiles.v1"]
    assert people.compacted
    assert people.retention is None
    assert {"acquaint.profiles.v1.ProfileState", "acquaint.profiles.v1.PersonErased"} <= people.events.keys()
    assert "recommendations" in people.readers
    assert people.dead_letters["notifications"] == "acquaint.profiles.v1.notifications.dlq"


def test_a_state_topic_is_compacted_within_a_day_and_a_fact_topic_kept_for_its_time() -> None:
    table = declared(profiles.DESCRIPTOR, interactions.DESCRIPTOR)
    state = table["acquaint.profiles.v1"].configuration()
    assert (state["cleanup.policy"], state["max.compaction.lag.ms"]) == ("compact", "86400000")
    assert float(state["min.cleanable.dirty.ratio"]) <= 0.1
    fact = table["acquaint.interactions.v1"].configuration()
    assert (fact["cleanup.policy"], fact["retention.ms"]) == ("delete", str(30 * 86_400_000))
    assert fact["message.timestamp.type"] == "LogAppendTime"


@pytest.mark.parametrize(
    ("name", "topics", "events", "problem"),
    [
        ("twice", [{"name": "t1", **FACT}, {"name": "t1", **FACT}], ["t1"], "declared twice"),
        ("unknown", [{"name": "t2", **FACT}], ["t2", "t3"], "not declared"),
        ("empty", [{"name": "t4", **FACT}], [], "carries no event"),
        ("kindless", [{"name": "t5", **FACT, "kind": 0}], ["t5"], "has no kind"),
        ("eternal", [{"name": "t6", **FACT, "retention_days": 0}], ["t6"], "retention_days"),
        ("writerless", [{"name": "t7", **FACT, "writer": ""}], ["t7"], "writer"),
    ],
)
def test_a_wrong_declaration_is_refused(
    name: str, topics: Sequence[dict[str, Any]], events: Sequence[str], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        declared(file(name, topics, events))


def test_what_others_write_is_unpacked_by_the_broker_whatever_they_compress_it_with() -> None:
    table = declared(interactions.DESCRIPTOR)
    assert table["acquaint.interactions.inbound.v1"].configuration()["compression.type"] == "uncompressed"
    assert "compression.type" not in table["acquaint.interactions.v1"].configuration()
