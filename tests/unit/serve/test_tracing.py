"""When traces are made, and that nothing is imported for them otherwise."""

from __future__ import annotations

import subprocess
import sys

import pytest

from holdfast.errors import ToolError
from holdfast.serve.seen.tracing import Tracing, wanted

HERE = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "a"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": HERE}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": HERE}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE, "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE, "OTEL_TRACES_EXPORTER": "console, otlp"}, True),
    ],
)
def test_opentelemetrys_own_variables_decide(variables: dict[str, str], *, expected: bool):
    assert wanted(variables) is expected


def test_a_protocol_that_is_not_spoken_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(ToolError, match="grpc"):
        Tracing()


def test_nothing_is_imported_unless_it_is_wanted():
    code = (
        "import sys; from holdfast.serve import server; from holdfast.serve.seen import tracing; "
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
