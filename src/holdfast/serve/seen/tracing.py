"""Traces: a span for each request, by OpenTelemetry, where its own variables say where to.

Nothing of it is imported otherwise. Spans are made when a request was answered, of times that were
taken on the way, so that the way itself is the same with traces and without.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from holdfast import __version__
from holdfast.errors import ToolError
from holdfast.serve.seen.logs import of_call
from holdfast.serve.seen.seen import Seen

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN = "http/protobuf"
_NANO = 1e9
_FAILED = 500


def wanted(variables: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's variables ask for traces."""
    off = variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    exporters = variables.get("OTEL_TRACES_EXPORTER", "otlp").lower().replace(" ", "").split(",")
    return not off and "otlp" in exporters and any(variables.get(name) for name in _ENDPOINTS)


class Tracing:
    """Spans of requests, on their way to a collector.

    Raises:
        ToolError: OpenTelemetry is not installed, or another protocol is asked for.
    """

    def __init__(self) -> None:
        protocol = next(filter(None, map(os.environ.get, _PROTOCOLS)), _SPOKEN)
        if protocol != _SPOKEN:
            raise ToolError(
                f"OTEL_* variables ask for {protocol}, and {_SPOKEN} is what is spoken here",
                hint=f"set {_PROTOCOLS[0]}={_SPOKEN}, and the collector's port for that",
            )
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise ToolError(
                f"OTEL_* variables ask for traces, and {error.name} is not installed",
                hint="uv tool install 'holdfast[serve,otel]', or set OTEL_SDK_DISABLED=true",
            ) from error
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "holdfast"}
        self._provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("holdfast", __version__)
        self._parent = _reader()

    def observe(self, seen: Seen) -> None:
        """A span of a request, with one for its wait and one for the prediction."""
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

        end = time.time_ns()
        start = end - int(seen.seconds * _NANO)
        span = self._tracer.start_span(
            f"{seen.method} {_name(seen)}",
            context=self._parent(seen.headers),
            kind=SpanKind.SERVER,
            attributes=_attributes(seen),
            start_time=start,
        )
        if seen.status >= _FAILED:
            span.set_status(Status(StatusCode.ERROR))
        call = seen.call
        if call is not None and call.sent > call.arrived:
            given = min(end, start + max(0, int((call.sent - call.arrived) * _NANO)))
            context = set_span_in_context(span)
            for name, since, until in (("queue", start, given), ("predict", given, end)):
                child = self._tracer.start_span(name, context=context, start_time=since)
                child.end(end_time=until)
        span.end(end_time=end)

    def close(self) -> None:
        """Send what is still here."""
        self._provider.shutdown()


def _reader() -> Callable[[Mapping[bytes, bytes]], Any]:
    """What reads W3C's traceparent and tracestate of a request's headers."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    propagator = TraceContextTextMapPropagator()
    names = (b"traceparent", b"tracestate")

    def read(headers: Mapping[bytes, bytes]) -> Any:
        carrier = {
            name.decode(): headers[name].decode("latin-1") for name in names if name in headers
        }
        return propagator.extract(carrier) if carrier else None

    return read


def _name(seen: Seen) -> str:
    """Of few values, as OpenTelemetry asks: a path may be anything."""
    return seen.path if seen.call is not None else f"/{seen.path.split('/', 2)[1][:32]}"


def _attributes(seen: Seen) -> dict[str, str | int]:
    called = of_call(seen)
    return {
        "http.request.method": seen.method,
        "url.path": seen.path,
        "http.response.status_code": seen.status,
        "client.address": seen.client,
        "holdfast.request_id": seen.id.decode("ascii", "backslashreplace"),
        **{f"holdfast.{name}": value for name, value in called.items()},
    }
