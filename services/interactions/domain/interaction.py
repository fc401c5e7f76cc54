"""An interaction as the service holds it: metadata only, under an identity that stays the same for ever.

The content hash decides what a repeat is. It is made of the fields, not of an encoding, so that no change of library
or message turns a repeat into a conflict.
"""

from __future__ import annotations

import hashlib
from collections.abc import Set
from dataclasses import dataclass, replace

CONTENT_HASH_BYTES = 16
# A record of one person tells of nobody else: it is no interaction any more.
FEWEST_PEOPLE = 2
# The first instant of the year 1, UTC: the API's times begin there.
EARLIEST_NS = -62_135_596_800 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One thing that happened between people.

    `type` and `help` are the numbers of the API's enums, times are nanoseconds (since 1970, UTC), `duration_ns` is None
    where nobody said. `initiator` is empty when that person was taken out.
    """

    source: str
    interaction_id: str
    type: int
    initiator: str
    participants: tuple[str, ...]
    time_ns: int
    duration_ns: int | None = None
    context: str = ""
    help: int = 0

    @property
    def record_id(self) -> str:
        """`<source>/<interaction_id>`: the identity everywhere, and the published record's id."""
        return f"{self.source}/{self.interaction_id}"

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody in it, the initiator first."""
        return (self.initiator, *self.participants) if self.initiator else self.participants

    def content_hash(self) -> bytes:
        """16 bytes that differ when anything but the order of the participants differs."""
        # No field can hold a line feed and no id a blank, so different contents give different texts.
        text = "\n".join(
            (
                self.source,
                self.interaction_id,
                str(self.type),
                self.initiator,
                " ".join(sorted(self.participants)),
                str(self.time_ns),
                str(self.duration_ns),
                self.context,
                str(self.help),
            )
        )
        return hashlib.blake2b(text.encode(), digest_size=CONTENT_HASH_BYTES).digest()

    def without(self, gone: Set[str]) -> Interaction | None:
        """The same with the people in `gone` taken out, or None when fewer than two are left."""
        if gone.isdisjoint(self.people):
            return self
        left = replace(
            self,
            initiator="" if self.initiator in gone else self.initiator,
            participants=tuple(person for person in self.participants if person not in gone),
        )
        return left if len(left.people) >= FEWEST_PEOPLE else None
