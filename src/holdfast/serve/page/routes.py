"""The routes of the page: `/`, `/models/{name}/`, and what it is made of below `/static/`.

Where API keys are needed, a browser that opens an address has none to give. So those addresses are
open (door.py), show a field for the key and nothing else, and the page itself is beside them, at
`page`, for who has a key.
"""

from __future__ import annotations

import json
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from holdfast import page as seal_page
from holdfast.serve.endpoint.endpoint import Endpoint
from holdfast.serve.endpoint.example import example_of
from holdfast.serve.gateway import Gateway
from holdfast.serve.page.document import document, locked
from holdfast.serve.protocol.problem import Problem

# Our own files, and nothing else from anywhere; no frame around it; no text becomes markup. "{}" is
# who may make markup of text.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types {}"
)
HEADERS = {
    "content-security-policy": _POLICY.format("'none'"),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}
# `static/unlock.js` puts the page in the place of the field for the key.
_LOCKED = {**HEADERS, "content-security-policy": _POLICY.format("holdfast-page")}
_TYPES = {".css": "text/css", ".js": "text/javascript"}


def routes(gateway: Gateway) -> list[Route]:
    """The routes of this part."""
    assets = _assets()

    keys = gateway.settings.guard.key_file is not None

    async def shell(request: Request) -> Response:
        """The field for the key."""
        text = locked("../../" if "name" in request.path_params else "./")
        return HTMLResponse(text, headers=_LOCKED)

    # Not `async`: Starlette has it run in a thread, beside the requests for predictions.
    def whole(request: Request) -> Response:
        """The page of a model: of the first, where none is named."""
        name = request.path_params.get("name")
        endpoint = gateway.endpoints.get(name) if name is not None else gateway.first
        if endpoint is None:
            return _not_found("no model is served under this name")
        return _page(gateway, endpoint, "./" if name is None else "../../")

    async def static(request: Request) -> Response:
        """A script or the styles."""
        name = request.path_params["file"]
        if name not in assets:
            return _not_found("there is no such file")
        return Response(assets[name], media_type=_TYPES[Path(name).suffix], headers=HEADERS)

    return [
        Route("/", shell if keys else whole),
        Route("/models/{name}/", shell if keys else whole),
        Route("/page", whole),
        Route("/models/{name}/page", whole),
        Route("/static/{file}", static),
    ]


def _page(gateway: Gateway, endpoint: Endpoint, root: str) -> Response:
    example = example_of(endpoint.pool) if endpoint.pool else None
    text = document(endpoint, gateway.endpoints, root, json.dumps(example) if example else "")
    return HTMLResponse(text, headers=HEADERS)


def _assets() -> dict[str, bytes]:
    """All there is to give out, by name: no path that a request names is ever opened."""
    own = (Path(__file__).parent / "static").iterdir()
    shared = Path(seal_page.__file__).with_name("style.css")
    return {path.name: path.read_bytes() for path in (shared, *own) if path.suffix in _TYPES}


def _not_found(why: str) -> Response:
    problem = Problem("ENDPOINT_NOT_FOUND", why)
    return Response(problem.body, problem.status, HEADERS, "application/json")
