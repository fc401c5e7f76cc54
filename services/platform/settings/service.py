"""The settings every service has, read from the environment once and checked as a whole before anything starts."""

from __future__ import annotations

import os
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from services.platform.settings.connections import KafkaSettings, MongoSettings, PeerSettings
from services.platform.settings.pipeline import ConsumerSettings, JournalSettings, RelaySettings
from services.platform.settings.serving import AuthSettings, RpcSettings, TelemetrySettings, is_loopback
from services.platform.settings.variables import PREFIX, SettingsInvalid, misspelt, problems, unreadable


class ServiceSettings(BaseSettings):
    """What every service can be told. A service adds its own groups in a subclass that sets `service`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )
    service: ClassVar[str] = "service"
    default_port: ClassVar[int] = 0

    environment: Literal["development", "production"] = Field(
        default="production",
        description="development allows what must never face real people: replay, development keys.",
    )
    organisation: str = Field(
        default="default", pattern=r"^[a-z0-9-]{1,40}$", description="Name of the organisation served."
    )
    kafka: KafkaSettings = Field(default=KafkaSettings(), description="The broker.")
    mongo: MongoSettings = Field(default=MongoSettings(), description="The database.")
    rpc: RpcSettings = Field(default=RpcSettings(), description="The gRPC server.")
    auth: AuthSettings = Field(description="Who may call.")
    telemetry: TelemetrySettings = Field(default=TelemetrySettings(), description="Logs, metrics, traces.")
    peers: PeerSettings = Field(default=PeerSettings(), description="The other services.")
    journal: JournalSettings = Field(default=JournalSettings(), description="Limits of the journal.")
    relay: RelaySettings = Field(default=RelaySettings(), description="The publisher.")
    consumer: ConsumerSettings = Field(default=ConsumerSettings(), description="The consumers of topics.")

    @model_validator(mode="before")
    @classmethod
    def _fill_in_what_depends_on_the_service(cls, data: Any) -> Any:
        if isinstance(data, dict):
            data.setdefault("auth", {})
            for group, field, default in (
                ("rpc", "port", cls.default_port),
                ("mongo", "database", f"acquaint_{cls.service}"),
            ):
                given = data.setdefault(group, {})
                if isinstance(given, dict) and not given.get(field):
                    data[group] = {**given, field: given.get(field, default) if field == "port" else default}
        return data

    @model_validator(mode="after")
    def _development_keys_stay_on_loopback(self) -> Self:
        if self.auth.mode == "development":
            if self.environment != "development":
                raise ValueError(f"{PREFIX}AUTH__MODE=development needs {PREFIX}ENVIRONMENT=development")
            if not is_loopback(self.rpc.host):
                raise ValueError(f"{PREFIX}AUTH__MODE=development needs a loopback address in {PREFIX}RPC__HOST")
        if self.auth.mode == "mtls" and self.rpc.client_ca_file is None:
            raise ValueError(f"{PREFIX}AUTH__MODE=mtls needs {PREFIX}RPC__CLIENT_CA_FILE")
        return self


# Typed so that mypy does not ask for the fields that the environment brings.
_FROM_THE_ENVIRONMENT: dict[str, Any] = {}

S = TypeVar("S", bound=ServiceSettings)


def load(cls: type[S]) -> S:
    """The settings of this process; raises SettingsInvalid naming every wrong variable and what is wrong with it."""
    wrong = misspelt(cls, os.environ)
    try:
        settings = cls(**_FROM_THE_ENVIRONMENT)
    except ValidationError as error:
        raise SettingsInvalid([*wrong, *problems(cls, error)]) from None
    except SettingsError as error:
        raise SettingsInvalid([*wrong, unreadable(error)]) from None
    if wrong:
        raise SettingsInvalid(wrong)
    return settings
