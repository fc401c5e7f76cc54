"""How any client of the broker connects: one translation of the settings into the client library's arguments."""

from __future__ import annotations

from typing import Any

from aiokafka.helpers import create_ssl_context

from services.platform.settings import KafkaSettings


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments that every aiokafka client takes: brokers, security and the request timeout."""
    options: dict[str, Any] = {
        "bootstrap_servers": [broker.strip() for broker in settings.bootstrap.split(",")],
        "security_protocol": settings.security_protocol,
        "request_timeout_ms": int(settings.request_timeout_seconds * 1000),
    }
    if settings.security_protocol.endswith("SSL"):
        files = (settings.ca_file, settings.certificate_file, settings.key_file)
        ca, certificate, key = (None if file is None else str(file) for file in files)
        options["ssl_context"] = create_ssl_context(cafile=ca, certfile=certificate, keyfile=key)
    if settings.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = settings.sasl_password
    return options
