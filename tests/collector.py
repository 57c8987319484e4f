"""What an OpenTelemetry collector is to a sender: a server of OTLP over HTTP, which keeps spans."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass
class Collector:
    """The spans that came, each with the attributes of its resource."""

    url: str = ""
    spans: list[tuple[dict[str, Any], Any]] = field(default_factory=list)

    def wait_for(self, trace: str, count: int, seconds: float = 30) -> list[Any]:
        """The spans of a trace, once there are `count`."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = [span for _, span in self.spans if span.trace_id.hex() == trace]
            if len(found) >= count:
                return found
            time.sleep(0.1)
        raise AssertionError(f"{len(self.spans)} spans came, {count} of {trace} were expected")


def attributes_of(span: Any) -> dict[str, Any]:
    """Attributes as plain values."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port of the loopback interface."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            for batch in ExportTraceServiceRequest.FromString(body).resource_spans:
                resource = attributes_of(batch.resource)
                for scope in batch.scope_spans:
                    collector.spans += [(resource, span) for span in scope.spans]
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
