"""Metrics: what Prometheus reads from `/metrics`.

Nothing is counted here. A collector reads the tallies of all models when it is asked, so that a
request costs nothing for being counted. A tally outlives its pool: the counters of a version that
was replaced stay as they were, and go on when it comes back.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from holdfast.serve.endpoint.endpoint import Endpoint
from holdfast.serve.gateway import Gateway
from holdfast.serve.http.entrance import Entrance
from holdfast.serve.pool.pool import Pool
from holdfast.serve.pool.tally import Histogram, Tally
from holdfast.serve.routes.changes import each_of, of_changes

_LABELS = ("model", "version")

_COUNTERS: tuple[tuple[str, str, Callable[[Tally], float]], ...] = (
    ("holdfast_rows", "Rows predicted.", lambda tally: tally.rows),
    (
        "holdfast_worker_restarts",
        "Workers that died and were started again.",
        lambda tally: tally.restarts,
    ),
    (
        "holdfast_request_retries",
        "Requests tried again after a worker died on them.",
        lambda tally: tally.retries,
    ),
)
_HISTOGRAMS: tuple[tuple[str, str, Callable[[Tally], Histogram]], ...] = (
    (
        "holdfast_request_duration_seconds",
        "Seconds from a request's arrival to its answer.",
        lambda tally: tally.latency,
    ),
    (
        "holdfast_predict_duration_seconds",
        "Seconds of each predict call, the way to the worker included.",
        lambda tally: tally.predicting,
    ),
    ("holdfast_batch_rows", "Rows of each predict call.", lambda tally: tally.batch_rows),
    (
        "holdfast_batch_requests",
        "Requests of each predict call.",
        lambda tally: tally.batch_requests,
    ),
)
_GAUGES: tuple[tuple[str, str, Callable[[Pool], float]], ...] = (
    ("holdfast_queue_requests", "Requests that wait for a worker.", lambda pool: pool.waiting),
    (
        "holdfast_in_flight_requests",
        "Requests that a worker is busy with.",
        lambda pool: pool.in_flight,
    ),
    ("holdfast_workers", "Workers that have loaded the model.", lambda pool: pool.alive),
)


def routes(gateway: Gateway, entrance: Entrance) -> list[Route]:
    """The routes of this part."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ProcessCollector(registry=None))
    registry.register(_Collector(gateway, entrance))

    async def metrics(request: Request) -> Response:
        """All metrics, as Prometheus' text or OpenMetrics."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type})

    return [Route("/metrics", metrics)]


class _Collector(Collector):
    """What the models of a gateway have done, and do now."""

    def __init__(self, gateway: Gateway, entrance: Entrance) -> None:
        self._gateway = gateway
        self._entrance = entrance

    def collect(self) -> Iterator[Metric]:
        """Read every tally and every pool."""
        endpoints = list(self._gateway.endpoints.values())
        tallies = [
            ((endpoint.name, version), tally)
            for endpoint in endpoints
            for version, tally in endpoint.tallies.items()
        ]
        yield _requests(tallies)
        yield from each_of(CounterMetricFamily, _COUNTERS, _LABELS, tallies)
        for name, said, histogram in _HISTOGRAMS:
            family = HistogramMetricFamily(name, said, labels=_LABELS)
            for labels, tally in tallies:
                family.add_metric(labels, _buckets(histogram(tally)), histogram(tally).total)
            yield family
        yield from _now(endpoints)
        yield from of_changes(endpoints)
        yield from self._of_gateway()

    def _of_gateway(self) -> Iterator[Metric]:
        refused = CounterMetricFamily(
            "holdfast_refused_requests", "Requests turned away at the door.", labels=("reason",)
        )
        door = self._entrance.door
        for reason, count in door.refused.items() if door else ():
            refused.add_metric((reason,), count)
        yield refused
        yield GaugeMetricFamily(
            "holdfast_connections", "Connections open now.", len(self._entrance.connections)
        )


def _requests(tallies: list[tuple[tuple[str, str], Tally]]) -> Metric:
    family = CounterMetricFamily(
        "holdfast_requests", "Requests for predictions, answered.", labels=(*_LABELS, "status")
    )
    for labels, tally in tallies:
        for status, count in sorted(tally.answers.items()):
            family.add_metric((*labels, str(status)), count)
    return family


def _now(endpoints: list[Endpoint]) -> Iterator[Metric]:
    ready = GaugeMetricFamily("holdfast_model_ready", "Whether it answers.", labels=("model",))
    for endpoint in endpoints:
        ready.add_metric((endpoint.name,), float(endpoint.ready))
    yield ready
    pools = [
        ((endpoint.name, pool.version), pool) for endpoint in endpoints for pool in endpoint.pools
    ]
    yield from each_of(GaugeMetricFamily, _GAUGES, _LABELS, pools)
    memory = GaugeMetricFamily(
        "holdfast_worker_resident_memory_bytes",
        "Memory of each worker.",
        labels=(*_LABELS, "worker"),
    )
    info = InfoMetricFamily("holdfast_model", "What is served.", labels=_LABELS)
    for labels, pool in pools:
        for number, pid in enumerate(pool.pids):
            resident = resident_bytes(pid)
            if resident is not None:
                memory.add_metric((*labels, str(number)), resident)
        info.add_metric(labels, describe(pool))
    yield memory
    yield info


def describe(pool: Pool) -> dict[str, str]:
    """What is served, in words: where from, the seal, its grade, the Python."""
    model, environment = pool.restored.model, pool.restored.environment
    return {
        "uri": model.uri,
        "seal": model.digest,
        "grade": str(model.seal.grade.value),
        "python": environment.python_version,
    }


def resident_bytes(pid: int) -> int | None:
    """Memory of a process that is in RAM; None where the system does not say."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return None
    return int(pages) * resource.getpagesize()


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    names = [*map(str, histogram.bounds), "+Inf"]
    return list(zip(names, map(float, accumulate(histogram.buckets)), strict=True))
