"""The kinds of introduction, by the names under which people opt out of them."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """Why an introduction is made."""

    PEER = "peer"


class LaunchMode(StrEnum):
    """How far the planner goes: nothing, proposals that nobody is asked about, or asking people."""

    OFF = "off"
    SHADOW = "shadow"
    ON = "on"
