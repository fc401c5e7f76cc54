"""A feed changes only the fields it owns, the person only the rest: neither silently undoes the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Set by the service itself, or by calls of their own (joining): no import and no update changes them.
SET_BY_THE_SERVICE = frozenset({"person_id", "joining", "version", "etag", "create_time", "update_time"})

# The leaver or the feed that owns the date may announce a leave.
SHARED = frozenset({"leaving_announced"})

# Identities belong to the feed: whoever could name their own would take over another person's interactions.
HR_FIELDS = frozenset(
    {
        "name",
        "title",
        "unit",
        "manager_id",
        "place",
        "joined_on",
        "leaving_on",
        "leaving_announced",
        "status",
        "identities",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """Which fields each feed owns, by the feed's name. A feed that is not listed owns nothing.

    Any feed may fill in every field of a person it creates: what nobody has said yet contradicts nobody.
    """

    feeds: Mapping[str, frozenset[str]]

    def of_feed(self, source: str) -> frozenset[str]:
        """The fields that `source` may change in a person who exists."""
        return self.feeds.get(source, frozenset()) - SET_BY_THE_SERVICE

    def person_may_change(self, field: str) -> bool:
        """Whether the person may change this field themselves."""
        if field in SET_BY_THE_SERVICE:
            return False
        return field in SHARED or not any(field in owned for owned in self.feeds.values())
