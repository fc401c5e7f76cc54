"""What the interactions service can be told beyond the platform's settings."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from services.platform.settings import ServiceSettings
from services.platform.settings.group import Group


class RecordingSettings(Group):
    """What is taken in."""

    future_tolerance_seconds: float = Field(
        default=300.0,
        ge=0,
        le=86_400,
        description="How far ahead of this service's clock an interaction may lie before it is refused.",
    )


class InteractionsSettings(ServiceSettings):
    """The settings of the interactions service."""

    service: ClassVar[str] = "interactions"
    default_port: ClassVar[int] = 50052

    recording: RecordingSettings = Field(default=RecordingSettings(), description="What is taken in.")
