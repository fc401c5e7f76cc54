"""How a service is called, who may call it, and what it tells its operators."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from services.platform.settings.group import Group


def is_loopback(host: str) -> bool:
    """True for an address that nobody outside this machine can reach."""
    if host == "localhost" or host.startswith("unix:"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class RpcSettings(Group):
    """The gRPC server, and the defaults of calls to other services."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on; [::] or 0.0.0.0 for all.")
    port: int = Field(default=0, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    reflection: bool = Field(default=False, description="Whether the server tells callers its services and messages.")
    certificate_file: Path | None = Field(default=None, description="PEM file of the server's certificate; TLS if set.")
    key_file: Path | None = Field(default=None, repr=False, description="PEM file of the certificate's private key.")
    client_ca_file: Path | None = Field(
        default=None, description="PEM file of the authorities of clients' certificates; clients must show one if set."
    )
    maximum_concurrent_rpcs: int = Field(
        default=256, ge=1, le=100_000, description="Unary calls handled at the same time."
    )
    maximum_streams: int = Field(default=2048, ge=1, le=100_000, description="Streaming calls open at the same time.")
    quota_per_second: float = Field(
        default=2000.0, ge=0, description="Calls a second that one client may make in the long run; 0: no quota."
    )
    quota_burst: float = Field(default=4000.0, ge=1, description="Calls that one client may make at once.")
    deadline_required: bool = Field(default=False, description="Whether a unary call without a deadline is refused.")
    maximum_seconds: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="Deadline of a unary call that brings none, and the latest one it may bring.",
    )
    maximum_stream_seconds: float = Field(
        default=3600.0, gt=0, le=86_400, description="Longest life of a stream; the caller resumes it with its cursor."
    )
    minimum_ping_seconds: float = Field(
        default=10.0, gt=0, le=3600, description="Shortest interval of keepalive pings that clients may send."
    )
    grace_seconds: float = Field(default=10.0, ge=0, le=600, description="How long calls in flight may go on at stop.")
    timeout_seconds: float = Field(
        default=5.0, gt=0, le=600, description="Deadline of calls to other services that set none of their own."
    )
    retries: int = Field(
        default=2, ge=0, le=4, description="Repetitions of an idempotent read that another service did not answer."
    )

    @model_validator(mode="after")
    def _certificate_belongs_to_a_key(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file are needed together")
        if self.client_ca_file is not None and self.certificate_file is None:
            raise ValueError("certificate_file is needed with client_ca_file")
        return self


class ClientGrant(Group):
    """What one registered client may do; everything it does not name is refused."""

    methods: frozenset[str] = Field(
        default=frozenset(),
        description="Methods as package.Service/Method, or package.Service/* for all of a service, or * for all.",
    )
    sources: frozenset[str] = Field(default=frozenset(), description="Sources it may write; * for any.")
    acting_for: frozenset[str] = Field(
        default=frozenset(), description="Person ids it may act for; * for anybody; nobody by default."
    )
    roles: frozenset[Literal["facilitator", "operator"]] = Field(
        default=frozenset(), description="Roles it has besides being a client."
    )


class AuthSettings(Group):
    """Who may call."""

    mode: Literal["development", "jwt", "mtls", "disabled"] = Field(
        default="jwt",
        description="jwt: bearer tokens; mtls: the client's certificate; development: a shared key, on loopback of a "
        "development stack only; disabled: anybody may do anything.",
    )
    development_key: SecretStr = Field(
        default=SecretStr(""), description="Key of development tokens, 32 characters or more."
    )
    jwks_url: str = Field(
        default="", pattern=r"^(https?://.+)?$", description="Where the issuer publishes its keys (JWKS)."
    )
    jwks_file: Path | None = Field(
        default=None, description="File with the issuer's keys (JWKS), instead of the address."
    )
    public_key_file: Path | None = Field(
        default=None, description="PEM file of the issuer's one key, instead of a JWKS."
    )
    jwks_refresh_seconds: float = Field(default=300.0, gt=0, description="How long fetched keys are used.")
    algorithms: tuple[Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"], ...] = (
        Field(default=("RS256", "ES256"), min_length=1, description="Signature algorithms that are accepted.")
    )
    issuer: str = Field(default="", description="Issuer that a token must name.")
    audience: str = Field(default="", description="Audience that a token must name.")
    leeway_seconds: float = Field(default=30.0, ge=0, le=300, description="Tolerated difference of the issuer's clock.")
    person_claim: str = Field(
        default="person_id", min_length=1, description="Claim that holds the person's id, if any."
    )
    client_claim: str = Field(default="azp", min_length=1, description="Claim that names the calling client.")
    roles_claim: str = Field(default="roles", min_length=1, description="Claim that lists the caller's roles.")
    facilitator_role: str = Field(
        default="acquaint-facilitator", min_length=1, description="Role name of facilitators."
    )
    operator_role: str = Field(default="acquaint-operator", min_length=1, description="Role name of operators.")
    clients: dict[str, ClientGrant] = Field(
        default_factory=dict, description="Registered clients by name, as JSON, with what each may do."
    )
    clients_file: Path | None = Field(
        default=None, description="JSON file with registered clients, added to those above."
    )

    @model_validator(mode="after")
    def _mode_has_what_it_needs(self) -> Self:
        keys = [bool(self.jwks_url), self.jwks_file is not None, self.public_key_file is not None]
        if self.mode == "jwt":
            if sum(keys) != 1:
                raise ValueError("mode jwt needs exactly one of jwks_url, jwks_file and public_key_file")
            if not (self.issuer and self.audience):
                raise ValueError("mode jwt needs issuer and audience")
        if self.mode == "development" and len(self.development_key.get_secret_value()) < 32:
            raise ValueError("mode development needs a development_key of 32 characters or more")
        return self


class TelemetrySettings(Group):
    """Logs, metrics and traces."""

    log_format: Literal["json", "console"] = Field(default="json", description="Form of log lines.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )
    metrics_host: str = Field(default="127.0.0.1", min_length=1, description="Address of the Prometheus endpoint.")
    metrics_port: int = Field(default=0, ge=0, le=65535, description="Port of the Prometheus endpoint; 0: none.")
    otlp_endpoint: str = Field(
        default="", pattern=r"^(https?://.+)?$", description="OTLP collector for traces; none if empty."
    )
    sample_ratio: float = Field(default=0.01, ge=0, le=1, description="Share of traces started here that are recorded.")
