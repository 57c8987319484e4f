"""What the application refuses, as problems in JSON: no page of a framework's own is ever seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from holdfast.serve.endpoint.endpoint import Endpoint
from holdfast.serve.gateway import Gateway
from holdfast.serve.protocol.inferred import write_error
from holdfast.serve.protocol.problem import Problem

_CODES = {
    400: "BAD_REQUEST",
    404: "ENDPOINT_NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "REQUEST_TOO_LARGE",
    503: "TEMPORARILY_UNAVAILABLE",
}
# Its errors have a form of their own.
_INFERENCE = "/v2"

Handler = Callable[[Request, Exception], Response]


def handlers() -> dict[Any, Handler]:
    """What answers in place of Starlette's pages, by what was raised."""
    return {HTTPException: _refused, Exception: _failed}


def endpoint_of(gateway: Gateway, request: Request) -> Endpoint:
    """The endpoint that the request's path names.

    Raises:
        HTTPException: There is none.
    """
    name = request.path_params["name"]
    if name not in gateway.endpoints:
        served = ", ".join(gateway.endpoints)
        raise HTTPException(404, f"no model is served as {name!r}, only {served}")
    return gateway.endpoints[name]


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    path = _path(request)
    said = {
        404: f"there is nothing at {path}; /openapi.json says what there is",
        405: f"{request.method} is not for {path}",
    }
    default = error.detail in {"Not Found", "Method Not Allowed"}
    message = said.get(error.status_code, error.detail) if default else error.detail
    problem = Problem(_CODES.get(error.status_code, "BAD_REQUEST"), message)
    return _response(request, error.status_code, problem, error.headers)


def _failed(request: Request, _: Exception) -> Response:
    """A bug of ours: what it is stands in the log, not in the answer."""
    return _response(request, 500, Problem("INTERNAL_ERROR", "the gateway failed on this request"))


def _response(request: Request, status: int, problem: Problem, headers: Any = None) -> Response:
    path = _path(request)
    inference = path == _INFERENCE or path.startswith(_INFERENCE + "/")
    body = write_error(problem.body) if inference else problem.body
    return Response(body, status, headers, "application/json")


def _path(request: Request) -> str:
    """The path without the prefix under which the application stands."""
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", ""))
