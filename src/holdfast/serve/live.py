"""Live figures: what each model has done until now, for whoever looks at differences.

`GET /live` answers with plain counters, so that it costs as good as nothing and keeps no history:
rates and quantiles are made where they are shown, from one answer and an earlier one.
"""

from __future__ import annotations

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from holdfast.serve.endpoint import Endpoint
from holdfast.serve.gateway import Gateway
from holdfast.serve.pool import Pool

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
    pool = endpoint.pool
    return {"ready": endpoint.ready, **(_of(pool) if pool else {})}


def _of(pool: Pool) -> dict[str, Any]:
    tally = pool.tally
    return {
        "seal": pool.restored.model.digest,
        "answers": {str(status): count for status, count in tally.answers.items()},
        "rows": tally.rows,
        # Seconds: how many answers took up to each bound; the last bucket has none.
        "bounds": tally.latency.bounds,
        "latency": tally.latency.buckets,
        "batches": tally.batch_rows.count,
        "batched": tally.batch_rows.total,
        "waiting": pool.waiting,
        "in_flight": pool.in_flight,
        "alive": pool.alive,
        "restarts": tally.restarts,
        "retries": tally.retries,
    }
