"""Records of acquaint.interactions.v1, from topic or journal, as what the graph folds and what changes the fold.

Both ways give the same: a record is known by its sequence, and its content is the event's bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from acquaint.interactions.v1.events_pb2 import (
    InteractionRecorded,
    JournalRewritten,
    PeopleMerged,
    PeopleSplit,
    SourceSwitched,
)
from acquaint.interactions.v1.interaction_service_pb2 import JournalEntry
from google.protobuf.message import DecodeError

from services.platform import envelope
from services.platform.envelope import Malformed, Record
from services.recommendations.graph import FoldRecord

_RECORDED = InteractionRecorded.DESCRIPTOR.full_name
_REWRITTEN = JournalRewritten.DESCRIPTOR.full_name
_SWITCHED = SourceSwitched.DESCRIPTOR.full_name
_MERGED = PeopleMerged.DESCRIPTOR.full_name
_SPLIT = PeopleSplit.DESCRIPTOR.full_name
_MICRO = 1_000_000
_parse = InteractionRecorded.FromString


class Entry(NamedTuple):
    """One record. `trouble` says why it cannot be read (even `sequence` may be unknown); no payload: a tombstone."""

    sequence: int | None
    id: str
    type: str
    payload: bytes | None
    trouble: str = ""


def of_topic(record: Record) -> Entry:
    """An entry for a record of the topic, whatever is in it."""
    received = envelope.parse(record)
    if isinstance(received, Malformed):
        return Entry(None, "", "", None, received.reason)
    if received.sequence is None or received.id is None:
        return Entry(None, "", received.type, None, "the record has no sequence or id")
    if received.value is None and received.type:
        return Entry(received.sequence, received.id, received.type, None, "the record has no value")
    return Entry(received.sequence, received.id, received.type, received.value)


def of_journal(entry: JournalEntry) -> Entry:
    """An entry for a record of the journal."""
    return Entry(entry.sequence, entry.record_id, entry.type, None if entry.tombstone else entry.payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What records themselves set about the fold: sources off, and people who are one (merged id to kept id)."""

    left_out: frozenset[str] = frozenset()
    merged: Mapping[str, str] = field(default_factory=dict)

    def known_as(self, person_id: str) -> str:
        """The id under which a person's interactions count."""
        seen = {person_id}
        while (kept := self.merged.get(person_id)) is not None and kept not in seen:
            person_id = kept
            seen.add(kept)
        return person_id

    def after(self, event: SourceSwitched | PeopleMerged | PeopleSplit) -> Rules:
        """The rules from this record on."""
        match event:
            case SourceSwitched():
                source = frozenset({event.source})
                return replace(self, left_out=self.left_out - source if event.enabled else self.left_out | source)
            case PeopleMerged():
                return replace(self, merged={**self.merged, event.merged_person_id: event.kept_person_id})
            case PeopleSplit():
                rest = {one: kept for one, kept in self.merged.items() if one != event.merged_person_id}
                return replace(self, merged=rest)


@dataclass(slots=True, kw_only=True)
class Effects:
    """What a run of records asks for beside folding. `hidden`: person to the rewrite that takes them out."""

    rules: Rules
    hidden: dict[str, int] = field(default_factory=dict)
    rewrite: int = 0

    def take(self, event: JournalRewritten | SourceSwitched | PeopleMerged | PeopleSplit) -> None:
        """Notes one record."""
        if isinstance(event, JournalRewritten):
            for person_id in event.hidden_person_ids:
                self.hidden[person_id] = event.rewrite_number
            if event.finished:
                self.rewrite = max(self.rewrite, event.rewrite_number)
        else:
            self.rules = self.rules.after(event)

    def still_hidden(self, rewrite: int) -> dict[str, int]:
        """Those whom a graph that contains the rewrite, and all before it, may still hold."""
        return {person_id: number for person_id, number in self.hidden.items() if number > rewrite}


class Unreadable(Exception):
    """A record that this software cannot read: folding beyond it would be a lasting, silent difference."""

    def __init__(self, sequence: int | None, reason: str) -> None:
        super().__init__(f"record {sequence or '?'}: {reason}")
        self.sequence = sequence


_Change = JournalRewritten | SourceSwitched | PeopleMerged | PeopleSplit
_CHANGES: Mapping[str, Callable[[bytes], _Change]] = {
    _REWRITTEN: JournalRewritten.FromString,
    _SWITCHED: SourceSwitched.FromString,
    _MERGED: PeopleMerged.FromString,
    _SPLIT: PeopleSplit.FromString,
}


def to_fold(entry: Entry, rules: Rules, effects: Effects) -> FoldRecord:
    """What the graph folds for one entry under the rules it was begun with; other effects go to `effects`.

    Raises Unreadable.
    """
    if entry.sequence is None or entry.trouble:
        raise Unreadable(entry.sequence, entry.trouble)
    if entry.payload is None:
        return FoldRecord(sequence=entry.sequence, record_id="")
    try:
        if entry.type == _RECORDED:
            return _interaction(entry.sequence, entry.id, entry.payload, rules)
        change = _CHANGES.get(entry.type)
        if change is None:
            raise Unreadable(entry.sequence, f"events of type {entry.type!r} are not known here")
        effects.take(change(entry.payload))
    except DecodeError as error:
        raise Unreadable(entry.sequence, f"not a {entry.type}") from error
    return FoldRecord(sequence=entry.sequence, record_id="")


def _interaction(sequence: int, record_id: str, payload: bytes, rules: Rules) -> FoldRecord:
    interaction = _parse(payload).interaction
    initiator = interaction.initiator_id
    participants = tuple(interaction.participant_ids)
    if rules.merged:
        initiator = rules.known_as(initiator)
        participants = tuple(rules.known_as(each) for each in participants)
    time = interaction.time
    # In the order of the fields: naming them costs as much as the rest.
    return FoldRecord(
        sequence,
        record_id,
        time.seconds * _MICRO + time.nanos // 1000,
        interaction.type,
        initiator,
        participants,
        interaction.source,
    )
