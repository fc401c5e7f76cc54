"""The collections of this service and the indexes each of its queries uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.platform.mongo import ASCENDING, Index

PEOPLE = "people"
BOUNDARIES = "boundaries"
META = "meta"

SPECS: Mapping[str, Sequence[Index]] = {
    PEOPLE: (
        # One person per identity, whoever writes at the same time.
        Index(
            keys=[("identities", ASCENDING)],
            name="identities",
            unique=True,
            partial={"identities": {"$exists": True}},
        ),
        Index(
            keys=[("identity_hashes", ASCENDING)],
            name="identity_hashes",
            partial={"identity_hashes": {"$exists": True}},
        ),
        Index(keys=[("manager", ASCENDING)], name="manager", partial={"manager": {"$exists": True}}),
        Index(keys=[("unit", ASCENDING), ("_id", ASCENDING)], name="unit"),
    ),
    BOUNDARIES: (
        Index(keys=[("person", ASCENDING), ("other", ASCENDING)], name="person_other", unique=True),
        Index(keys=[("other", ASCENDING), ("person", ASCENDING)], name="other_person"),
    ),
    META: (),
}
