"""The application: everything that is asked of the gateway and is no prediction."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from holdfast.serve.gateway import Gateway


def make_app(gateway: Gateway) -> Starlette:
    """The ASGI application of a gateway."""

    async def ping(_: Request) -> Response:
        """MLflow's and SageMaker's: whether every model answers."""
        status = 200 if gateway.ready else 503
        return Response("\n", status_code=status, media_type="application/json")

    async def version(_: Request) -> Response:
        """MLflow's version in the environment of the first model."""
        pool = gateway.first.pool
        return Response(str(pool.loaded.get("mlflow", "")) if pool else "", media_type="text/plain")

    return Starlette(
        routes=[
            Route("/ping", ping),
            Route("/health", ping),
            Route("/version", version),
        ]
    )
