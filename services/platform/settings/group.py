"""What all groups of settings share: immutable, no unknown fields, no values in error texts of secret fields."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Group(BaseModel):
    """One group of settings: its name is the middle part of the variable's name."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
