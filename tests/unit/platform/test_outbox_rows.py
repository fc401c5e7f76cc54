"""Rows hold facts in their order, never take more room in a batch than they say, and keys stay in their partition."""

from __future__ import annotations

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from google.protobuf.wrappers_pb2 import BytesValue, StringValue
from hypothesis import given, settings
from hypothesis import strategies as st

from services.platform.envelope import Fact, Stamp
from services.platform.outbox.rows import Columns, RecordTooLarge, Row, pack, shard_of
from services.platform.topics import Topic, TopicKind

SOURCE = "tests"
FACTS = st.lists(
    st.builds(
        lambda id, key, content, trace, other: Fact(
            id=id,
            key=key,
            message=StringValue(value=id) if other else BytesValue(value=content),
            traceparent="00-" + "0" * 49 + "-01" if trace else None,
        ),
        id=st.text(st.characters(codec="utf-8"), max_size=20),
        key=st.none() | st.text(st.characters(codec="utf-8"), max_size=20),
        content=st.binary(max_size=400),
        trace=st.booleans(),
        other=st.booleans(),
    ),
    max_size=30,
)


def batch_size(row: Row) -> int:
    """What the row's records take in a batch to the broker, without the batch's own 61 bytes."""
    builder = DefaultRecordBatchBuilder(
        2, 0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=0, batch_size=10_000_000
    )
    for place, record in enumerate(row.records(Stamp(SOURCE))):
        builder.append(place, 1_700_000_000_000, record.key, record.value, list(record.headers))
    return len(builder.build()) - 61


@given(facts=FACTS)
@settings(deadline=None)
def test_rows_hold_all_facts_in_order_and_their_size_is_an_upper_bound(facts: list[Fact]) -> None:
    packed = pack(facts, source=SOURCE, row_bytes=2_000)
    rows: list[Row] = []
    for columns in packed:
        rows.append(Row(id="x", first_sequence=rows[-1].last_sequence + 1 if rows else 1, columns=columns))
    records = [(record, row) for row in rows for record in row.records(Stamp(SOURCE))]
    assert len(records) == len(facts)
    for number, ((record, _), fact) in enumerate(zip(records, facts, strict=True), start=1):
        headers = dict(record.headers)
        assert headers["ce_id"].decode() == fact.id
        assert headers["ce_type"].decode() == fact.message.DESCRIPTOR.full_name
        assert int(headers["ce_sequence"]) == number
        assert headers.get("traceparent") == (None if fact.traceparent is None else fact.traceparent.encode())
        assert record.key == (None if fact.key is None else fact.key.encode())
        assert type(fact.message).FromString(record.value or b"") == fact.message
    for row in rows:
        assert batch_size(row) <= row.columns.size <= 2_000


def test_a_fact_that_fits_into_no_row_is_refused() -> None:
    with pytest.raises(RecordTooLarge):
        pack([Fact(id="x", key=None, message=BytesValue(value=bytes(3_000)))], source=SOURCE, row_bytes=2_000)


def test_a_tombstone_is_a_record_without_a_value() -> None:
    columns = Columns(ids=["a", "b"], types="T", keys=None, values=[b"x", None], traceparents={}, size=100)
    first, second = Row(id="x", first_sequence=8, columns=columns).records(Stamp(SOURCE))
    assert (first.value, second.value) == (b"x", None)
    assert dict(second.headers)["ce_sequence"] == b"%020d" % 9


@given(key=st.none() | st.text(st.characters(codec="utf-8")), partitions=st.integers(1, 12))
def test_a_key_has_one_partition_and_facts_without_keys_keep_together(key: str | None, partitions: int) -> None:
    topic = Topic(name="t", kind=TopicKind.FACT, key="", partitions=partitions, events={})
    assert shard_of(topic, key) == shard_of(topic, key) < partitions
    assert shard_of(topic, None) == 0
