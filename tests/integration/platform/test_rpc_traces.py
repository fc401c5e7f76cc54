"""A trace goes from a caller through the server and on to peers; metrics are served where a port is set."""

from __future__ import annotations

import asyncio
import socket
import urllib.request
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.platform.errors import StartRefused
from services.platform.settings import TelemetrySettings
from services.platform.telemetry import Telemetry, current_traceparent, span_from
from tests.integration.platform.rpc_echo import Request, client_token, echo_client, echo_server

TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    found, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(found))
    trace.set_tracer_provider(provider)
    return found


async def test_a_sampled_call_is_recorded_under_its_callers_span_and_carried_on(exporter: InMemorySpanExporter) -> None:
    exporter.clear()
    seen: list[str | None] = []

    async def notes(_: Any) -> None:
        seen.append(current_traceparent())

    async with (
        echo_server() as (inner, inner_echo),
        echo_server() as (outer, outer_echo),
        echo_client(inner, client_token(client="outer")) as to_inner,
        echo_client(outer) as stub,
    ):

        async def calls_on(_: Any) -> None:
            await to_inner.Send(Request())

        outer_echo.behaviour, inner_echo.behaviour = calls_on, notes
        await stub.Send(Request(), metadata=(("traceparent", SAMPLED),))
    inner_span, outer_span = exporter.get_finished_spans()
    assert {f"{span.context.trace_id:032x}" for span in (inner_span, outer_span)} == {TRACE}
    assert inner_span.parent is not None
    assert inner_span.parent.span_id == outer_span.context.span_id
    assert seen == [f"00-{TRACE}-{inner_span.context.span_id:016x}-01"]


async def test_a_call_that_is_not_traced_starts_no_trace_where_nothing_is_exported(
    exporter: InMemorySpanExporter,
) -> None:
    exporter.clear()
    async with echo_server() as (server, _), echo_client(server) as stub:
        await stub.Send(Request())
        await stub.Send(Request(), metadata=(("traceparent", "nonsense"),))
    assert [span.parent for span in exporter.get_finished_spans()] == [None]


def test_a_failed_span_says_so_without_the_exceptions_text(exporter: InMemorySpanExporter) -> None:
    exporter.clear()
    with pytest.raises(ValueError), span_from(SAMPLED, "apply"):
        raise ValueError("somebody@example.org")
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is trace.StatusCode.ERROR
    assert "example.org" not in span.to_json()


async def test_metrics_are_served_where_a_port_is_set() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    telemetry = Telemetry(settings=TelemetrySettings(metrics_port=port))
    telemetry.metrics.relay_published.labels("a.topic").inc(3)
    telemetry.serve_metrics()
    try:
        with pytest.raises(StartRefused, match="ACQUAINT_TELEMETRY__METRICS_PORT"):
            Telemetry(settings=telemetry.settings).serve_metrics()
        text = await asyncio.to_thread(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read())
    finally:
        await telemetry.close()
    assert b'acquaint_relay_published_total{topic="a.topic"} 3.0' in text
