"""Requests for predictions that miss the express lane.

connection.py knows them by the bytes of their path; a query behind it, or a letter that is written
as %41, brings them here, and they mean the same. So does a method that is not POST, to be told so.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from holdfast.serve.gateway import Gateway
from holdfast.serve.http.express import Route as Take
from holdfast.serve.routes.problems import endpoint_of


def routes(gateway: Gateway) -> list[Route]:
    """The routes of this part."""

    def by(take: Take) -> Any:
        async def predict(request: Request) -> Response:
            return await answer(request, take, gateway.limits.body)

        return predict

    async def unknown(request: Request) -> Response:
        """The path of a model that is not served."""
        endpoint_of(gateway, request)
        raise HTTPException(404)

    return [
        *(
            Route(path.decode(), by(take), methods=["POST"])
            for path, take in gateway.routes.items()
        ),
        Route("/models/{name}/invocations", unknown, methods=["POST"]),
        Route("/v2/models/{name}/infer", unknown, methods=["POST"]),
    ]


async def answer(request: Request, take: Take, limit: int) -> Response:
    """What a route of the express lane answers to this request.

    Raises:
        HTTPException: The body has more than `limit` bytes.
    """
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[tuple[int, bytes, bytes]] = loop.create_future()

    def reply(status: int, content_type: bytes, body: bytes) -> None:
        if not answered.done():
            answered.set_result((status, content_type, body))

    try:
        body = await _body(request, limit)
    except ClientDisconnect:
        return Response(status_code=400)
    content_type = request.headers.get("content-type", "").encode("latin-1")
    call = take(reply, monotonic(), content_type, body)
    # For who looks at it when it was answered: seen.py.
    request.state.call = call
    try:
        status, mime_type, text = await answered
    finally:
        call.forget()
    head = [line.partition(b": ") for line in call.version.split(b"\r\n") if line]
    headers = {name.decode(): value.decode() for name, _, value in head}
    if status == 503:  # noqa: PLR2004 - as on the express lane
        headers["retry-after"] = "1"
    return Response(text, status, headers, mime_type.decode("latin-1"))


async def _body(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise HTTPException(413, f"the body is larger than {limit} bytes")
    return bytes(body)
