"""Where the broker, the database and the other services are, and how they are reached."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from services.platform.settings.group import Group


def _host_and_port(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError("must be host:port")
    return text


class KafkaSettings(Group):
    """The broker."""

    bootstrap: str = Field(default="127.0.0.1:9092", description="Brokers to ask first: host:port, several by comma.")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="How the connection is secured."
    )
    sasl_mechanism: Literal["SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="How the user is proven, with a SASL_ protocol."
    )
    sasl_username: str = Field(default="", description="The user, with a SASL_ protocol.")
    sasl_password: str = Field(default="", repr=False, description="The user's password, with a SASL_ protocol.")
    ca_file: Path | None = Field(
        default=None, description="PEM file of the authorities that sign the brokers' certificates."
    )
    certificate_file: Path | None = Field(default=None, description="PEM file of this client's certificate.")
    key_file: Path | None = Field(default=None, repr=False, description="PEM file of this client's private key.")
    replication_factor: int = Field(default=1, ge=1, le=9, description="Copies of each topic that is created.")
    request_timeout_seconds: float = Field(
        default=10.0, gt=0, le=300, description="How long a request to the broker may take before it counts as failed."
    )

    @field_validator("bootstrap")
    @classmethod
    def _every_broker_has_a_port(cls, value: str) -> str:
        for broker in value.split(","):
            _host_and_port(broker.strip())
        return value

    @model_validator(mode="after")
    def _credentials_belong_together(self) -> Self:
        if self.security_protocol.startswith("SASL") and not (self.sasl_username and self.sasl_password):
            raise ValueError("sasl_username and sasl_password are needed with this security_protocol")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file are needed together")
        return self


class MongoSettings(Group):
    """The database."""

    uri: str = Field(
        default="mongodb://127.0.0.1:27017/?replicaSet=acquaint",
        repr=False,
        description="Connection string of a replica set (transactions need one).",
    )
    database: str = Field(
        default="", description="Database name; acquaint_<service> when empty.", pattern=r"^[\w-]{0,60}$"
    )
    maximum_pool_size: int = Field(default=32, ge=1, le=1000, description="Connections to one server at the same time.")
    server_selection_seconds: float = Field(
        default=5.0,
        gt=0,
        le=120,
        description="How long an operation waits for a server before the database counts as away.",
    )
    transaction_seconds: float = Field(
        default=10.0, gt=0, le=120, description="How long a transaction may take with all its repetitions."
    )

    @field_validator("uri")
    @classmethod
    def _is_a_connection_string(cls, value: str) -> str:
        if not value.startswith(("mongodb://", "mongodb+srv://")):
            raise ValueError("must start with mongodb:// or mongodb+srv://")
        return value


class PeerSettings(Group):
    """The other services."""

    profiles: str = Field(default="127.0.0.1:50051", description="The profiles service, host:port.")
    interactions: str = Field(default="127.0.0.1:50052", description="The interactions service, host:port.")
    recommendations: str = Field(default="127.0.0.1:50053", description="The recommendations service, host:port.")
    notifications: str = Field(default="127.0.0.1:50054", description="The notifications service, host:port.")
    token: str = Field(default="", repr=False, description="Bearer token this service shows to its peers (mode jwt).")
    token_file: Path | None = Field(
        default=None,
        description="File that holds that token and may be replaced while the service runs; wins over token.",
    )
    ca_file: Path | None = Field(
        default=None, description="PEM file of the authorities of the peers' certificates: TLS."
    )
    certificate_file: Path | None = Field(
        default=None, description="PEM file of the certificate shown to the peers (mTLS)."
    )
    key_file: Path | None = Field(default=None, repr=False, description="PEM file of that certificate's private key.")

    @field_validator("profiles", "interactions", "recommendations", "notifications")
    @classmethod
    def _has_a_port(cls, value: str) -> str:
        return _host_and_port(value)

    @model_validator(mode="after")
    def _certificate_belongs_to_a_key(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file are needed together")
        if self.certificate_file is not None and self.ca_file is None:
            raise ValueError("ca_file is needed with certificate_file")
        return self
