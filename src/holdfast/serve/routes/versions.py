"""Which versions are served, the proof of them, and changing them.

`GET /models`, `GET /models/{name}`, `GET /receipt`, `GET /models/{name}/receipt`,
`POST /models/{name}/reload`, `PUT /models/{name}/canary`.

What changes something is for this machine, or for whom has a key.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from holdfast.serve.endpoint.endpoint import Endpoint
from holdfast.serve.endpoint.shadow import ShadowTally
from holdfast.serve.endpoint.track import Track
from holdfast.serve.gateway import Gateway
from holdfast.serve.protocol.problem import Problem
from holdfast.serve.routes.problems import endpoint_of

_ACCEPTED = 202
# A request to change the weight is a few bytes.
_LONGEST = 1024

_Handler = Callable[[Request, Endpoint], Awaitable[Response]]


def routes(gateway: Gateway) -> list[Route]:
    """The routes of this part."""

    def of_model(handler: _Handler, *, changes: bool = False) -> Callable[..., Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            named = "name" in request.path_params
            endpoint = endpoint_of(gateway, request) if named else gateway.first
            if changes and not _may_change(request, gateway):
                return _refuse(
                    Problem("PERMISSION_DENIED", "only this machine, or a key, may change it")
                )
            return await handler(request, endpoint)

        return handle

    async def models(_: Request) -> Response:
        """Every model."""
        return JSONResponse({"models": list(map(describe, gateway.endpoints.values()))})

    return [
        Route("/models", models),
        Route("/models/{name}", of_model(_describe)),
        Route("/receipt", of_model(_receipt)),
        Route("/models/{name}/receipt", of_model(_receipt)),
        Route("/models/{name}/reload", of_model(_reload, changes=True), methods=["POST"]),
        Route("/models/{name}/canary", of_model(_weigh, changes=True), methods=["PUT"]),
    ]


async def _describe(_: Request, endpoint: Endpoint) -> Response:
    return JSONResponse(describe(endpoint))


async def _receipt(_: Request, endpoint: Endpoint) -> Response:
    if endpoint.receipt is not None:
        return JSONResponse(endpoint.receipt.to_dict())
    said = "what is served is being verified; there is no receipt yet"
    return JSONResponse({"message": said}, status_code=_ACCEPTED, headers={"retry-after": "2"})


async def _reload(_: Request, endpoint: Endpoint) -> Response:
    for track in endpoint.tracks.values():
        track.look()
    return JSONResponse(describe(endpoint), status_code=_ACCEPTED)


async def _weigh(request: Request, endpoint: Endpoint) -> Response:
    if endpoint.canary is None:
        return _refuse(Problem("BAD_REQUEST", f"{endpoint.name} was started without a canary"))
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST:
            return _refuse(Problem("REQUEST_TOO_LARGE", f"more than {_LONGEST} bytes"))
    try:
        weight = json.loads(body)["weight"]
        endpoint.canary.share.weight = float(weight)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        said = 'expected {"weight": 25}, with a percentage from 0 to 100'
        return _refuse(Problem("BAD_REQUEST", said))
    return JSONResponse(describe(endpoint))


def describe(endpoint: Endpoint) -> dict[str, Any]:
    """What is served under a name, as JSON has it."""
    found = {"name": endpoint.name, **_of_track(endpoint.main)}
    if endpoint.canary is not None:
        weight = endpoint.canary.share.weight
        found["canary"] = {"weight": weight, **_of_track(endpoint.canary.track)}
    if endpoint.shadow is not None:
        tally = _of_tally(endpoint.shadow.tally)
        found["shadow"] = {**_of_track(endpoint.shadow.track), "answers": tally}
    return found


def _of_track(track: Track) -> dict[str, Any]:
    pool, receipt, failed = track.pool, track.receipt, track.failed
    found: dict[str, Any] = {"uri": track.uri, "ready": track.ready, "version": None}
    if pool is not None and track.served is not None:
        model = pool.restored.model
        found |= {
            "version": pool.version,
            "serves": track.served.uri,
            "seal": model.digest,
            "grade": model.seal.grade.value,
            "workers": pool.alive,
        }
    return found | {
        "matches": receipt.matches if receipt else None,
        "changes": track.changes,
        "failures": track.failures,
        "failed": {"uri": failed.uri, "why": failed.why, "tries": failed.tries} if failed else None,
        "registry": track.silent or None,
    }


def _of_tally(tally: ShadowTally) -> dict[str, Any]:
    return {
        "agreed": tally.agreed,
        "disagreed": tally.disagreed,
        "failed": tally.failed,
        "dropped": tally.dropped,
        "numbers": tally.numbers,
        "others": tally.others,
        "largest": tally.largest,
        "mean": tally.mean,
    }


def _may_change(request: Request, gateway: Gateway) -> bool:
    """Whether the request comes from this machine or had a key, and from no other site's page."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return False
    # Where there are keys, a request without one has not come this far.
    if gateway.settings.guard.key_file is not None or request.client is None:
        return True
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        # A Unix socket's peer has no address.
        return not request.client.host


def _refuse(problem: Problem) -> Response:
    return Response(problem.body, status_code=problem.status, media_type="application/json")
