"""In earnest: one server with keys, TLS, a prefix, other origins, logs and traces, all at once."""

from __future__ import annotations

import json
import re
import signal
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as read_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as read_text

from certificates import Authority
from collector import Collector, attributes_of, collecting
from serving import Served, Server, serving

KEY, OTHER_KEY = "the-key-of-one-team", "the-key-of-another-team"
ORIGIN = "https://page.example"
ROW = {"dataframe_split": {"columns": [f"x{at}" for at in range(10)], "data": [[0.5] * 10]}}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@dataclass
class Earnest:
    """The server, a client that is known to it, and what it was started with."""

    server: Server
    client: httpx.Client
    collector: Collector
    authority: Authority
    keys: Path

    def logged(self, id_: str) -> dict[str, Any]:
        """The line of the log with this request id."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            for line in self.server.said.splitlines():
                if f'"id":"{id_}"' in line:
                    found: dict[str, Any] = json.loads(line)
                    return found
            time.sleep(0.05)
        raise AssertionError(self.server.said)


@pytest.fixture(scope="module")
def earnest(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Earnest]:
    folder = tmp_path_factory.mktemp("earnest")
    authority = Authority(folder)
    cert, key = authority.sign("localhost")
    keys = folder / "keys"
    keys.write_text(f"# one of us\n{KEY}\n")
    keys.chmod(0o600)
    options = [
        *("--api-key-file", keys, "--tls-cert", cert, "--tls-key", key, "--cors-origin", ORIGIN),
        *("--root-path", "/some/prefix", "--access-log", "json", "--trust-proxy", "127.0.0.1"),
        "--json",
    ]
    trust = ssl.create_default_context(cafile=str(authority.ca))
    with (
        collecting() as collector,
        serving(
            served.home,
            *(served.model("numbers"), f"second={served.model('chances')}", *options),
            ready=False,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_SCHEDULE_DELAY="200",
            HOLDFAST_SERVE_MAX_BODY="100kB",
        ) as server,
    ):
        server.url = server.url.replace("http:", "https:")
        headers = {"authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=server.url, verify=trust, headers=headers, timeout=30) as client:
            wait_ready(server, client)
            yield Earnest(server, client, collector, authority, keys)


def wait_ready(server: Server, client: httpx.Client, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert server.process.poll() is None, server.said
        try:
            if client.get("/ping").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(server.said)


def test_one_line_of_json_says_that_it_is_ready(earnest: Earnest):
    (line,) = [line for line in earnest.server.said.splitlines() if line.startswith('{"url"')]
    found = json.loads(line)
    assert found["url"] == f"{earnest.server.url}/some/prefix"
    assert [model["name"] for model in found["models"]] == ["numbers", "second"]
    for model in found["models"]:
        assert (model["ready"], model["grade"], len(model["seal"])) == (True, "locked", 64)
        path = httpx.URL(model["invocations"]).path
        assert earnest.client.post(path, json=ROW).status_code == 200


@pytest.mark.parametrize("path", ["/invocations", "/metrics", "/version", "/live", "/nothing"])
def test_without_a_key_nothing_is_told(earnest: Earnest, path: str):
    for prefix in ("", "/some/prefix"):
        for headers in ({"authorization": ""}, {"authorization": "", "x-api-key": OTHER_KEY}):
            answer = earnest.client.post(prefix + path, json=ROW, headers=headers)
            assert answer.status_code == 401, answer.text
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.json()["error_code"] == "UNAUTHENTICATED"


def test_a_probe_needs_no_key(earnest: Earnest):
    for path in ("/ping", "/health", "/some/prefix/ping", "/v2/health/ready"):
        assert earnest.client.get(path, headers={"authorization": ""}).status_code == 200


def test_a_connection_is_kept_where_a_request_without_a_body_was_refused(earnest: Earnest):
    answer = earnest.client.get("/metrics", headers={"authorization": ""})
    assert answer.status_code == 401
    assert answer.headers.get("connection") != "close"


def test_behind_a_prefix_that_a_proxy_takes_away_or_not(earnest: Earnest):
    for path in ("/invocations", "/models/second/invocations", "/invocations?a=b"):
        for prefix in ("", "/some/prefix"):
            answer = earnest.client.post(prefix + path, json=ROW)
            assert answer.status_code == 200, (prefix, path, answer.text)
    assert earnest.client.post("/some/prefixes/invocations", json=ROW).status_code == 404


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_is_1_2_at_least_and_plain_http_is_not_spoken(earnest: Earnest):
    old = ssl.create_default_context(cafile=str(earnest.authority.ca))
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{earnest.server.url}/ping", verify=old)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{earnest.server.url.replace('https', 'http')}/ping")


@pytest.mark.parametrize("path", ["/invocations", "/metrics", "/nothing", "/invocations?a=b"])
def test_a_page_of_a_known_origin_may_read_answers(earnest: Earnest, path: str):
    asked = {"origin": ORIGIN, "access-control-request-method": "POST"}
    preflight = earnest.client.options(path, headers={**asked, "authorization": ""})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    answer = earnest.client.post(path, json=ROW, headers={"origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    other = earnest.client.post(path, json=ROW, headers={"origin": "https://other.example"})
    assert "access-control-allow-origin" not in other.headers
    assert "origin" in other.headers["vary"]


def test_a_name_that_is_not_loopbacks_is_refused(earnest: Earnest):
    answer = earnest.client.post("/invocations", json=ROW, headers={"host": "evil.example"})
    assert answer.status_code == 403
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("path", ["/invocations", "/ping", "/nothing", "/invocations?a=b"])
def test_an_id_comes_back_or_is_made(earnest: Earnest, path: str):
    answer = earnest.client.post(path, json=ROW, headers={"x-request-id": "mine-1"})
    assert answer.headers.get_list("x-request-id") == ["mine-1"]
    made = [
        earnest.client.post(path, json=ROW, headers={"x-request-id": given}).headers["x-request-id"]
        for given in ("", "two words", "x" * 129)
    ]
    assert len(set(made)) == 3
    assert all(re.fullmatch(r"[0-9a-f]+-[0-9a-f]+", id_) for id_ in made)


def test_a_request_is_logged_without_what_is_nobodys_business(earnest: Earnest):
    headers = {"x-request-id": "logged-1", "x-forwarded-for": "6.6.6.6, 192.0.2.7"}
    answer = earnest.client.post("/models/second/invocations", json=ROW, headers=headers)
    assert answer.status_code == 200
    line = earnest.logged("logged-1")
    assert (line["method"], line["path"]) == ("POST", "/models/second/invocations")
    assert (line["status"], line["rows"], line["model"]) == (200, 1, "second")
    assert line["client"] == "192.0.2.7"
    assert 0 < line["seconds"] < 10
    assert line["sent"] == len(answer.content)


def test_neither_query_nor_body_nor_key_is_in_the_log(earnest: Earnest):
    for path in ("/invocations?token=query-secret", "/ping?token=query-secret"):
        earnest.client.post(
            path, content=b'{"a": "body-secret"}', headers={"x-request-id": f"q{len(path)}"}
        )
        assert earnest.logged(f"q{len(path)}")["path"] == path.partition("?")[0]
    earnest.client.get("/metrics", headers={"x-api-key": "wrong-key-secret", "authorization": ""})
    said = earnest.server.said
    for secret in ("query-secret", "body-secret", "wrong-key-secret", KEY):
        assert secret not in said


def test_every_line_of_the_log_is_json(earnest: Earnest):
    found = [json.loads(line) for line in earnest.server.said.splitlines()]
    said = [line["message"] for line in found if line.get("event") == "change"]
    assert f"serving on {earnest.server.url}/some/prefix" in said


def test_a_request_is_traced_as_a_part_of_the_clients_trace(earnest: Earnest):
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "traced-1"}
    for path in ("/invocations", "/models/second/invocations?a=b"):
        assert earnest.client.post(path, json=ROW, headers=headers).status_code == 200
    spans = earnest.collector.wait_for(TRACE, 6)
    requests = [span for span in spans if span.parent_span_id.hex() == PARENT]
    assert sorted(span.name for span in requests) == [
        *("POST /invocations", "POST /models/second/invocations")
    ]
    for span in requests:
        found = attributes_of(span)
        assert found["http.response.status_code"] == 200
        assert found["holdfast.rows"] == 1
        assert found["holdfast.version"]
        assert found["holdfast.model"] in {"numbers", "second"}
        assert found["holdfast.request_id"] == "traced-1"
        parts = {one.name: one for one in spans if one.parent_span_id == span.span_id}
        assert set(parts) == {"queue", "predict"}
        queue, predict = parts["queue"], parts["predict"]
        times = [span.start_time_unix_nano, queue.start_time_unix_nano, queue.end_time_unix_nano]
        times += [predict.start_time_unix_nano, predict.end_time_unix_nano, span.end_time_unix_nano]
        assert times == sorted(times)
        assert predict.end_time_unix_nano > predict.start_time_unix_nano
    resources = [resource for resource, _ in earnest.collector.spans]
    assert {resource["service.name"] for resource in resources} == {"holdfast"}


def samples(earnest: Earnest) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = earnest.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in read_text(answer.text)
        for sample in family.samples
    }


def test_metrics_count_what_was_done(earnest: Earnest):
    before = samples(earnest)
    for path in ("/invocations", "/models/second/invocations", "/v2/models/second/infer"):
        earnest.client.post(path, json=ROW)
    rows = {"dataframe_split": {**ROW["dataframe_split"], "data": [[0.5] * 10] * 7}}
    assert earnest.client.post("/invocations", json=rows).status_code == 200
    after = samples(earnest)
    version = dict(next(labels for name, labels in after if name == "holdfast_rows_total"))

    def grown(name: str, **labels: str) -> float:
        found = {
            key: value - before.get(key, 0.0)
            for key, value in after.items()
            if key[0] == name and set(labels.items()) <= key[1]
        }
        assert found, (name, labels)
        return sum(found.values())

    assert version["version"]
    assert grown("holdfast_requests_total", model="numbers", status="200") == 2
    assert grown("holdfast_rows_total", model="numbers") == 8
    assert grown("holdfast_requests_total", model="second", status="200") == 1
    assert grown("holdfast_request_duration_seconds_count", model="numbers") == 2
    assert grown("holdfast_predict_duration_seconds_count", model="numbers") == 2
    assert grown("holdfast_batch_rows_sum", model="numbers") == 8
    assert grown("holdfast_batch_requests_sum", model="numbers") == 2
    assert 0 < grown("holdfast_predict_duration_seconds_sum", model="numbers") < 10
    now = {name: value for (name, labels), value in after.items() if ("model", "numbers") in labels}
    assert (now["holdfast_workers"], now["holdfast_model_ready"]) == (1, 1)
    assert (now["holdfast_queue_requests"], now["holdfast_in_flight_requests"]) == (0, 0)
    assert now["holdfast_worker_resident_memory_bytes"] > 10e6
    assert {"holdfast_connections", "process_resident_memory_bytes"} <= {name for name, _ in after}
    (info,) = [
        dict(labels)
        for name, labels in after
        if name == "holdfast_model_info" and ("model", "numbers") in labels
    ]
    assert (info["grade"], len(info["seal"])) == ("locked", 64)
    assert {"uri", "version", "python"} <= set(info)
    assert not [
        key for key, value in after.items() if "_total" in key[0] and value < before.get(key, 0)
    ]


def test_metrics_are_openmetrics_for_who_asks(earnest: Earnest):
    asked = {"accept": "application/openmetrics-text; version=1.0.0"}
    answer = earnest.client.get("/metrics", headers=asked)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    names = {family.name for family in read_openmetrics(answer.text)}
    assert {"holdfast_requests", "holdfast_model", "holdfast_request_duration_seconds"} <= names


def test_an_option_can_be_a_variable(earnest: Earnest):
    answer = earnest.client.post("/invocations", content=b" " * 100_001)
    assert answer.status_code == 413


def test_keys_change_while_it_runs(earnest: Earnest):
    other = {"authorization": f"Bearer {OTHER_KEY}"}
    assert earnest.client.get("/version", headers=other).status_code == 401
    earnest.keys.write_text(f"{KEY}\n{OTHER_KEY}\n")
    earnest.server.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + 10
    while earnest.client.get("/version", headers=other).status_code == 401:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert earnest.client.get("/version").status_code == 200
    assert OTHER_KEY not in earnest.server.said
