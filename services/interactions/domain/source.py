"""A source is registered before it may report anything, and can be switched off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A registered system that reports interactions. `version` counts its changes, from 1."""

    source_id: str
    purpose: str
    enabled: bool
    version: int
    created: datetime

    @property
    def etag(self) -> str:
        """Differs after every change."""
        return str(self.version)
