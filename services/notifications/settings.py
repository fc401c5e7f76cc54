"""What the notifications service can be told, beside what every service can."""

from __future__ import annotations

from datetime import time
from math import ceil
from typing import ClassVar, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from services.platform.settings import ServiceSettings
from services.platform.settings.group import Group


class SmtpSettings(Group):
    """The mail server."""

    host: str = Field(default="", description="Mail server; mail is off when empty.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    sender: str = Field(default="acquaint@localhost", pattern=r"^[^@\s]+@[^@\s]+$", description="Address mail is from.")
    sender_name: str = Field(default="Acquaint", max_length=100, description="Name beside that address.")
    username: str = Field(default="", description="User at the mail server; none when empty.")
    password: str = Field(default="", repr=False, description="That user's password.")
    start_tls: bool = Field(
        default=True, description="Whether the connection must be encrypted before anything is said."
    )
    timeout_seconds: float = Field(default=20.0, gt=0, le=60, description="How long one message may take.")


class DeliverySettings(Group):
    """When and how notifications go out."""

    quiet_from: time = Field(default=time(20, 0), description="Local time from which no mail is sent.")
    quiet_until: time = Field(
        default=time(7, 0), description="Local time until which no mail is sent; equal: never quiet."
    )
    default_zone: str = Field(default="UTC", description="IANA zone of people who gave none.")
    poll_seconds: float = Field(default=1.0, gt=0, le=60, description="How often due notifications are looked for.")
    claim_seconds: int = Field(
        default=120, ge=45, le=3600, description="How long a claimed notification is left to its claimer."
    )
    batch: int = Field(default=64, ge=1, le=1000, description="Most notifications claimed at a time.")
    concurrent_sends: int = Field(default=16, ge=1, le=256, description="Most messages handed to a provider at a time.")

    @field_validator("default_zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{value!r} is no IANA time zone") from None
        return value


class Settings(ServiceSettings):
    """All settings of the notifications service."""

    service: ClassVar[str] = "notifications"
    default_port: ClassVar[int] = 50054

    smtp: SmtpSettings = Field(default=SmtpSettings(), description="Mail.")
    delivery: DeliverySettings = Field(default=DeliverySettings(), description="Times and limits of sending.")

    @model_validator(mode="after")
    def _claims_outlast_their_sends(self) -> Self:
        delivery = self.delivery
        needed = ceil(delivery.batch / delivery.concurrent_sends) * self.smtp.timeout_seconds
        if self.smtp.host and delivery.claim_seconds <= needed:
            raise ValueError(
                f"ACQUAINT_DELIVERY__CLAIM_SECONDS: {delivery.claim_seconds} must be more than the {needed:g} seconds "
                "that a claimed batch may take (BATCH / CONCURRENT_SENDS sends, each SMTP__TIMEOUT_SECONDS)"
            )
        return self
