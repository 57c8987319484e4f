"""Metrics are read from tallies that outlive what they count."""

from __future__ import annotations

import os
from collections.abc import Callable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families as read_text

import loops
from holdfast.serve.gateway import Gateway
from holdfast.serve.http.entrance import Entrance
from holdfast.serve.pool.tally import Tally
from holdfast.serve.routes.metrics import _Collector, resident_bytes
from holdfast.serve.settings import Settings

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraping(test: Callable[[Gateway, Callable[[], Samples]], None]) -> None:
    """Run `test` with a gateway of two models that were not started, and what reads it."""

    async def run() -> None:
        gateway = Gateway({"a": "nowhere", 'b"\n': "nowhere"}, Settings(), print)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(gateway, Entrance()))

        def scrape() -> Samples:
            text = generate_latest(registry).decode()
            return {
                (sample.name, frozenset(sample.labels.items())): sample.value
                for family in read_text(text)
                for sample in family.samples
            }

        test(gateway, scrape)

    loops.run(run())


def labels(**given: str) -> frozenset[tuple[str, str]]:
    return frozenset(given.items())


def counted(rows: int, seconds: float) -> Tally:
    tally = Tally(rows=rows)
    tally.answers[200] += 1
    tally.latency.add(seconds)
    return tally


def test_nothing_has_happened_yet():
    def test(gateway: Gateway, scrape: Callable[[], Samples]) -> None:
        found = scrape()
        assert found["holdfast_model_ready", labels(model="a")] == 0
        assert found["holdfast_connections", labels()] == 0
        assert not [name for name, _ in found if name == "holdfast_requests_total"]

    scraping(test)


def test_a_version_that_was_replaced_keeps_its_counts():
    def test(gateway: Gateway, scrape: Callable[[], Samples]) -> None:
        tallies = gateway.endpoints["a"].tallies
        tallies["1"] = counted(rows=3, seconds=0.02)
        first = scrape()
        tallies["2"] = counted(rows=5, seconds=0.5)
        second = scrape()
        assert second["holdfast_rows_total", labels(model="a", version="1")] == 3
        assert second["holdfast_rows_total", labels(model="a", version="2")] == 5
        assert all(second[key] >= value for key, value in first.items())
        status = labels(model="a", version="2", status="200")
        assert second["holdfast_requests_total", status] == 1

    scraping(test)


def test_buckets_add_up():
    def test(gateway: Gateway, scrape: Callable[[], Samples]) -> None:
        tally = counted(rows=1, seconds=0.02)
        tally.latency.add(1000.0)
        gateway.endpoints["a"].tallies["1"] = tally
        name = "holdfast_request_duration_seconds"
        found = {
            dict(key[1])["le"]: value
            for key, value in scrape().items()
            if key[0] == f"{name}_bucket"
        }
        assert list(found.values()) == sorted(found.values())
        assert (found["0.015"], found["0.025"], found["60.0"], found["+Inf"]) == (0, 1, 1, 2)
        assert scrape()[f"{name}_sum", labels(model="a", version="1")] == 1000.02

    scraping(test)


def test_a_name_breaks_no_line():
    def test(gateway: Gateway, scrape: Callable[[], Samples]) -> None:
        gateway.endpoints['b"\n'].tallies["1"] = counted(rows=1, seconds=0.1)
        assert scrape()["holdfast_rows_total", labels(model='b"\n', version="1")] == 1

    scraping(test)


def test_memory_of_a_process():
    found = resident_bytes(os.getpid())
    assert found is None or 1 << 20 < found < 1 << 36
    assert resident_bytes(2**22 + 1) is None
