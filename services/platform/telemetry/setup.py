"""Builds a process's telemetry from its settings and takes it down again, spans flushed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from threading import Thread
from wsgiref.simple_server import WSGIServer

from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import start_http_server

from services.platform.errors import StartRefused
from services.platform.settings import ServiceSettings, TelemetrySettings
from services.platform.telemetry.logs import configure_logs
from services.platform.telemetry.metrics import Metrics
from services.platform.telemetry.traces import configure_traces


@dataclass(slots=True, kw_only=True)
class Telemetry:
    """What a process tells its operators."""

    settings: TelemetrySettings
    metrics: Metrics = field(default_factory=Metrics.create)
    provider: TracerProvider | None = None
    _endpoint: tuple[WSGIServer, Thread] | None = None

    @property
    def traced(self) -> bool:
        """Whether spans are recorded here, so that a call without a trace may start one."""
        return self.provider is not None

    def serve_metrics(self) -> None:
        """Opens the Prometheus endpoint if a port is set; raises StartRefused if it is taken."""
        host, port = self.settings.metrics_host, self.settings.metrics_port
        if not port:
            return
        try:
            self._endpoint = start_http_server(port, host, self.metrics.registry)
        except OSError as error:
            raise StartRefused(
                f"{host}:{port} cannot be listened on: {error.strerror} "
                "(ACQUAINT_TELEMETRY__METRICS_HOST, ACQUAINT_TELEMETRY__METRICS_PORT)"
            ) from None

    async def close(self) -> None:
        """Closes the endpoint and sends the spans that wait, off the event loop: a collector may be away."""
        if self._endpoint is not None:
            server, thread = self._endpoint
            self._endpoint = None
            await asyncio.to_thread(server.shutdown)
            server.server_close()
            await asyncio.to_thread(thread.join)
        if self.provider is not None:
            await asyncio.to_thread(self.provider.shutdown)


def configure(settings: ServiceSettings) -> Telemetry:
    """Logs, metrics and traces as the settings say. Logs and traces belong to the process: call it once."""
    configure_logs(settings.telemetry, service=settings.service, development=settings.environment == "development")
    return Telemetry(
        settings=settings.telemetry, provider=configure_traces(settings.telemetry, service=settings.service)
    )
