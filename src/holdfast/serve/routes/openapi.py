"""`/openapi.json`: the gateway's description, made again when another version answers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import holdfast
from holdfast.serve.endpoint.endpoint import Endpoint
from holdfast.serve.endpoint.example import example_of
from holdfast.serve.gateway import Gateway
from holdfast.serve.pool.pool import Pool
from holdfast.serve.protocol.openapi import Described, describe_gateway


def routes(gateway: Gateway) -> list[Route]:
    """The routes of this part."""

    # Not `async`: Starlette has it run in a thread, beside the requests for predictions.
    def openapi(request: Request) -> Response:
        """The description of what can be asked."""
        models = [_describe(one, one.pool) for one in gateway.endpoints.values() if one.pool]
        server = request.scope.get("root_path") or "/"
        return JSONResponse(describe_gateway(models, holdfast.__version__, server))

    return [Route("/openapi.json", openapi)]


def _describe(endpoint: Endpoint, pool: Pool) -> Described:
    signature = pool.loaded.get("signature") or {}
    return Described(
        name=endpoint.name,
        version=pool.version,
        inputs=signature.get("inputs") or (),
        outputs=signature.get("outputs") or (),
        params=signature.get("params") or (),
        example=example_of(pool),
    )
