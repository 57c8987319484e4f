"""The Open Inference Protocol, REST, as KServe, Triton and MLServer have it: `/v2`.

What it says of a model comes from the model's signature. Predictions are in infer.py.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import holdfast
from holdfast.serve.endpoint.endpoint import Endpoint
from holdfast.serve.endpoint.infer import Inference
from holdfast.serve.gateway import Gateway
from holdfast.serve.pool.pool import Pool
from holdfast.serve.protocol.datatype import describe
from holdfast.serve.protocol.inference import INPUT
from holdfast.serve.protocol.inferred import OUTPUT
from holdfast.serve.routes.lane import answer
from holdfast.serve.routes.problems import endpoint_of

# The specification's: 200 says yes, 4xx no.
_NO = 400


def routes(gateway: Gateway) -> list[Route]:
    """The routes of this part."""

    async def server(_: Request) -> Response:
        """What answers."""
        said = {"name": "holdfast", "version": holdfast.__version__, "extensions": []}
        return JSONResponse(said)

    async def live(_: Request) -> Response:
        """Whether it answers at all."""
        return JSONResponse({"live": True})

    async def ready(_: Request) -> Response:
        """Whether every model answers."""
        return JSONResponse({"ready": gateway.ready}, 200 if gateway.ready else _NO)

    async def model(request: Request) -> Response:
        """What a model takes and gives."""
        endpoint = endpoint_of(gateway, request)
        return JSONResponse(_metadata(endpoint, _version(endpoint, request)))

    async def model_ready(request: Request) -> Response:
        """Whether a model answers."""
        endpoint = endpoint_of(gateway, request)
        found = endpoint.ready and _version(endpoint, request).ready
        return JSONResponse({"name": endpoint.name, "ready": found}, 200 if found else _NO)

    async def infer_version(request: Request) -> Response:
        """Predictions of one version."""
        endpoint = endpoint_of(gateway, request)
        pool = _version(endpoint, request)
        take = Inference(endpoint, gateway.limits.inline, pool)
        return await answer(request, take, gateway.limits.body)

    name = "/v2/models/{name}"
    version = name + "/versions/{version}"
    return [
        Route("/v2", server),
        Route("/v2/health/live", live),
        Route("/v2/health/ready", ready),
        *(Route(path, model) for path in (name, version)),
        *(Route(path + "/ready", model_ready) for path in (name, version)),
        Route(version + "/infer", infer_version, methods=["POST"]),
    ]


def _version(endpoint: Endpoint, request: Request) -> Pool:
    """The version that is asked for; the main one where none is.

    Raises:
        HTTPException: It is not served, or nothing is yet.
    """
    if endpoint.pool is None:
        raise HTTPException(503, endpoint.refusal)
    wanted = request.path_params.get("version", endpoint.pool.version)
    found = {pool.version: pool for pool in endpoint.pools}
    if wanted not in found:
        served = ", ".join(found)
        raise HTTPException(404, f"{endpoint.name} has no version {wanted!r} here, only {served}")
    return found[wanted]


def _metadata(endpoint: Endpoint, pool: Pool) -> dict[str, object]:
    signature = pool.loaded.get("signature") or {}
    flavors = [name for name in pool.loaded.get("flavors") or () if name != "python_function"]
    return {
        "name": endpoint.name,
        "versions": [version.version for version in endpoint.pools],
        "platform": f"mlflow_{flavors[0] if flavors else 'pyfunc'}",
        "inputs": describe(signature.get("inputs"), INPUT),
        "outputs": describe(signature.get("outputs"), OUTPUT),
    }
