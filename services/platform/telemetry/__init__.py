"""Logs, metrics and traces: what operators may see. No content, name or address of a person is ever in them."""

from services.platform.telemetry.logs import configure_logs, get_logger
from services.platform.telemetry.metrics import Metrics
from services.platform.telemetry.setup import Telemetry, configure
from services.platform.telemetry.traces import current_traceparent, span_from

__all__ = [
    "Metrics",
    "Telemetry",
    "configure",
    "configure_logs",
    "current_traceparent",
    "get_logger",
    "span_from",
]
