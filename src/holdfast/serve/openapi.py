"""`/openapi.json`: the gateway's description, made again when another version answers."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import holdfast
from holdfast.serve.endpoint import Endpoint
from holdfast.serve.example import example_request
from holdfast.serve.gateway import Gateway
from holdfast.serve.pool import Pool
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


# Files are hashed and read once for a version, not for everybody who looks.
_EXAMPLES: WeakKeyDictionary[Pool, dict[str, Any] | None] = WeakKeyDictionary()


def _describe(endpoint: Endpoint, pool: Pool) -> Described:
    signature = pool.loaded.get("signature") or {}
    if pool not in _EXAMPLES:
        _EXAMPLES[pool] = example_request(pool.restored.model, pool.schema)
    return Described(
        name=endpoint.name,
        version=pool.version,
        inputs=signature.get("inputs") or (),
        outputs=signature.get("outputs") or (),
        params=signature.get("params") or (),
        example=_EXAMPLES[pool],
    )
