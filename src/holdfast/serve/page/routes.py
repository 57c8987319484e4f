"""The routes of the page: `/`, `/models/{name}/`, and what it is made of below `/static/`."""

from __future__ import annotations

import json
from pathlib import Path
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from holdfast import page as seal_page
from holdfast.serve.endpoint import Endpoint
from holdfast.serve.example import example_request
from holdfast.serve.gateway import Gateway
from holdfast.serve.page.document import document
from holdfast.serve.pool import Pool
from holdfast.serve.protocol.problem import Problem

# Our own files, and nothing else from anywhere; no frame around it; no text becomes markup.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}
_TYPES = {".css": "text/css", ".js": "text/javascript"}


def routes(gateway: Gateway) -> list[Route]:
    """The routes of this part."""
    assets = _assets()

    # Not `async`: Starlette has it run in a thread, beside the requests for predictions.
    def front(_: Request) -> Response:
        """The page of the first model."""
        return _page(gateway, gateway.first, "./")

    def of_model(request: Request) -> Response:
        """The page of one model."""
        endpoint = gateway.endpoints.get(request.path_params["name"])
        if endpoint is None:
            return _not_found("no model is served under this name")
        return _page(gateway, endpoint, "../../")

    async def static(request: Request) -> Response:
        """A script or the styles."""
        name = request.path_params["file"]
        if name not in assets:
            return _not_found("there is no such file")
        return Response(assets[name], media_type=_TYPES[Path(name).suffix], headers=HEADERS)

    return [
        Route("/", front),
        Route("/models/{name}/", of_model),
        Route("/static/{file}", static),
    ]


def _page(gateway: Gateway, endpoint: Endpoint, root: str) -> Response:
    example = _example(endpoint.pool) if endpoint.pool else ""
    text = document(endpoint, gateway.endpoints, root, example, keys=False)
    return HTMLResponse(text, headers=HEADERS)


# Files are hashed and read once for a version, not for everybody who looks.
_EXAMPLES: WeakKeyDictionary[Pool, str] = WeakKeyDictionary()


def _example(pool: Pool) -> str:
    """A request to begin with, as JSON; "" where the model keeps none."""
    if pool not in _EXAMPLES:
        found = example_request(pool.restored.model, pool.schema)
        _EXAMPLES[pool] = json.dumps(found) if found else ""
    return _EXAMPLES[pool]


def _assets() -> dict[str, bytes]:
    """All there is to give out, by name: no path that a request names is ever opened."""
    own = (Path(__file__).parent / "static").iterdir()
    shared = Path(seal_page.__file__).with_name("style.css")
    return {path.name: path.read_bytes() for path in (shared, *own) if path.suffix in _TYPES}


def _not_found(why: str) -> Response:
    problem = Problem("ENDPOINT_NOT_FOUND", why)
    return Response(problem.body, problem.status, HEADERS, "application/json")
