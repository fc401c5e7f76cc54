"""The records of one poll with what became of each: cut where a verdict falls, never reordered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from services.platform.consumer.offsets import Move
from services.platform.consumer.parser import Ignored, Reading, Refused
from services.platform.consumer.subscription import Delivery
from services.platform.envelope import Record


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Records in the order of their partitions, their readings, and their sources (inbound topics; else all None)."""

    generation: int
    records: Sequence[Record]
    readings: Sequence[Reading]
    sources: Sequence[str | None]

    def __len__(self) -> int:
        return len(self.records)

    def first(self, count: int) -> Batch:
        """The batch cut after `count` records."""
        return self if count >= len(self) else self._part(slice(0, count))

    def after(self, count: int) -> Batch:
        """What is left when `count` records are done."""
        return self._part(slice(count, None))

    @cached_property
    def deliveries(self) -> Sequence[Delivery]:
        """What a handler is given."""
        return [reading for reading in self.readings if type(reading) is Delivery]

    @cached_property
    def refusals(self) -> Mapping[int, Refused]:
        """Poison by index, as far as the record alone shows it."""
        if len(self.deliveries) == len(self.readings):
            return {}
        return {index: reading for index, reading in enumerate(self.readings) if isinstance(reading, Refused)}

    @cached_property
    def ignored(self) -> Counter[str]:
        """How many records have no effect, by cause."""
        if len(self.deliveries) == len(self.readings):
            return Counter()
        return Counter(reading.cause for reading in self.readings if isinstance(reading, Ignored))

    @cached_property
    def ends(self) -> Mapping[int, int]:
        """The next offset after this batch, per partition."""
        return {record.partition: record.offset + 1 for record in self.records}

    def move(self, before: Mapping[int, int]) -> Move:
        """The move of the stored positions that handling this batch is."""
        return Move(
            generation=self.generation,
            before={partition: before[partition] for partition in self.ends},
            after=self.ends,
        )

    def _part(self, part: slice) -> Batch:
        return Batch(
            generation=self.generation,
            records=self.records[part],
            readings=self.readings[part],
            sources=self.sources[part],
        )
