"""Traces follow W3C `traceparent` through gRPC metadata and Kafka headers; only sampled ones are passed on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.platform.settings import TelemetrySettings

TRACEPARENT = "traceparent"
_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("acquaint")


def configure_traces(settings: TelemetrySettings, *, service: str) -> TracerProvider | None:
    """Starts exporting if a collector is set; the caller shuts the provider down at the end."""
    if not settings.otlp_endpoint:
        return None
    provider = TracerProvider(
        resource=Resource.create({"service.name": f"acquaint-{service}"}),
        sampler=ParentBased(TraceIdRatioBased(settings.sample_ratio)),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(
        endpoint=settings.otlp_endpoint, insecure=settings.otlp_endpoint.startswith("http://"), timeout=5
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider


def current_traceparent() -> str | None:
    """The trace that is being recorded here, as a header's text; None if there is none or it is not sampled."""
    span = trace.get_current_span().get_span_context()
    if not (span.is_valid and span.trace_flags.sampled):
        return None
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-01"


@contextmanager
def span_from(
    traceparent: str | None,
    name: str,
    *,
    kind: trace.SpanKind = trace.SpanKind.CONSUMER,
    attributes: Mapping[str, str | int] | None = None,
) -> Iterator[trace.Span]:
    """A span under `traceparent`, or under the current one if that is None. Malformed text starts a new trace.

    Without a collector nothing is recorded, but the caller's trace is still passed on.
    """
    parent = None if traceparent is None else _PROPAGATOR.extract({TRACEPARENT: traceparent}, context.Context())
    with _TRACER.start_as_current_span(
        name, parent, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except Exception:
            # Without the exception's text, which may quote data.
            span.set_status(trace.StatusCode.ERROR)
            raise
