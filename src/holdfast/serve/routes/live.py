"""Live figures: what each model has done until now, for whoever looks at differences.

`GET /live` answers with plain counters, so that it costs as good as nothing and keeps no history:
rates and quantiles are made where they are shown, from one answer and an earlier one.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from holdfast.serve.endpoint.endpoint import Endpoint
from holdfast.serve.gateway import Gateway

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def routes(gateway: Gateway) -> list[Route]:
    """The routes of this part."""

    async def live(_: Request) -> JSONResponse:
        """The figures of every model."""
        return JSONResponse(figures(gateway), headers=_HEADERS)

    return [Route("/live", live)]


def figures(gateway: Gateway) -> dict[str, Any]:
    """Counters of all endpoints by name, and the second, on a clock of its own, they are of."""
    models = {name: _figures(endpoint) for name, endpoint in gateway.endpoints.items()}
    return {"time": time.monotonic(), "models": models}


def _figures(endpoint: Endpoint) -> dict[str, Any]:
    """Of one name: the main version and the canary together, for whoever asks sees one model."""
    pools = endpoint.pools
    if endpoint.pool is None:
        return {"ready": endpoint.ready}
    tallies = [pool.tally for pool in pools]
    answers: Counter[int] = sum((tally.answers for tally in tallies), Counter())
    return {
        "ready": endpoint.ready,
        # Counters of other versions cannot be compared with these.
        "versions": [pool.version for pool in pools],
        "seal": endpoint.pool.restored.model.digest,
        "answers": {str(status): count for status, count in answers.items()},
        "rows": sum(tally.rows for tally in tallies),
        # Seconds: how many answers took up to each bound; the last bucket has none.
        "bounds": tallies[0].latency.bounds,
        "latency": list(map(sum, zip(*(tally.latency.buckets for tally in tallies), strict=True))),
        "batches": sum(tally.batch_rows.count for tally in tallies),
        "batched": sum(tally.batch_rows.total for tally in tallies),
        "waiting": sum(pool.waiting for pool in pools),
        "in_flight": sum(pool.in_flight for pool in pools),
        "alive": sum(pool.alive for pool in pools),
        "restarts": sum(tally.restarts for tally in tallies),
        "retries": sum(tally.retries for tally in tallies),
    }
