"""Log lines are an event name plus key-values, each with the id of the request it belongs to.

Exceptions are logged as type and frames; their texts may quote data and are kept for development only.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from services.platform.call import call
from services.platform.settings import TelemetrySettings

Event = MutableMapping[str, Any]
Logger = structlog.stdlib.BoundLogger
_FRAMES = 12


def get_logger(name: str) -> Logger:
    """The logger of a module; call it as `logger.info("batch_published", topic=..., records=...)`."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger


def _with_request_id(_: Any, __: str, event: Event) -> Event:
    current = call.get()
    if current is not None:
        event.setdefault("request_id", current.request_id)
    return event


class _Exceptions:
    """Replaces `exc_info` by the exception's type and its innermost frames, and its text only where allowed."""

    def __init__(self, *, texts: bool) -> None:
        self._texts = texts

    def __call__(self, _: Any, __: str, event: Event) -> Event:
        given = event.pop("exc_info", None)
        if not given:
            return event
        error = given if isinstance(given, BaseException) else given[1] if isinstance(given, tuple) else sys.exception()
        if error is None:
            return event
        event["error"] = f"{type(error).__module__}.{type(error).__qualname__}"
        if self._texts:
            event["error_text"] = str(error)
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
        event["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return event


def configure_logs(settings: TelemetrySettings, *, service: str, development: bool, out: TextIO | None = None) -> None:
    """Sends our own lines and those of libraries to one stream (default stderr) in one form."""

    def with_service(_: Any, __: str, event: Event) -> Event:
        event["service"] = service
        return event

    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        with_service,
        _with_request_id,
        _Exceptions(texts=development),
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=(out or sys.stderr).isatty())
    )
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for library in ("aiokafka", "faststream", "pymongo", "opentelemetry", "asyncio", "grpc"):
        logging.getLogger(library).setLevel(max(level, logging.WARNING))
