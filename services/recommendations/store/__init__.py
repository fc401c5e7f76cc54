"""What recommendations keeps in MongoDB: introductions, counters, turns, the launch mode and leases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.platform.mongo import Index
from services.recommendations.store.capacity import CAPACITY_INDEXES, CapacityStore, CapReached
from services.recommendations.store.due import DUE_INDEXES, Claim, ClaimLost, DueStore, NoTurns
from services.recommendations.store.introductions import (
    INTRODUCTION_INDEXES,
    AlreadyProposed,
    IntroductionStore,
    PairIsOpen,
    VersionConflict,
)
from services.recommendations.store.launch import LAUNCH, LaunchStore
from services.recommendations.store.lease import LEASES, Lease

COLLECTIONS: Mapping[str, Sequence[Index]] = {
    **INTRODUCTION_INDEXES,
    **CAPACITY_INDEXES,
    **DUE_INDEXES,
    LAUNCH: [],
    LEASES: [],
}

__all__ = [
    "AlreadyProposed",
    "COLLECTIONS",
    "CapReached",
    "CapacityStore",
    "Claim",
    "ClaimLost",
    "DueStore",
    "IntroductionStore",
    "LaunchStore",
    "Lease",
    "NoTurns",
    "PairIsOpen",
    "VersionConflict",
]
