"""Whether the gateway answers, and with which MLflow: `/ping`, `/health`, `/version`.

`/models/{name}/ping` asks for one model.

MLflow's scoring protocol, and SageMaker's contract for containers.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from holdfast.serve.gateway import Gateway
from holdfast.serve.routes.problems import endpoint_of


def routes(gateway: Gateway) -> list[Route]:
    """The routes of this part."""

    async def ping(_: Request) -> Response:
        """200 where every model answers, else 503."""
        status = 200 if gateway.ready else 503
        return Response("\n", status_code=status, media_type="application/json")

    async def ping_model(request: Request) -> Response:
        """200 where this model answers, else 503."""
        status = 200 if endpoint_of(gateway, request).ready else 503
        return Response("\n", status_code=status, media_type="application/json")

    async def version(_: Request) -> Response:
        """MLflow's version in the environment of the first model."""
        pool = gateway.first.pool
        return Response(str(pool.loaded.get("mlflow", "")) if pool else "", media_type="text/plain")

    return [
        Route("/ping", ping),
        Route("/health", ping),
        Route("/models/{name}/ping", ping_model),
        Route("/version", version),
    ]
