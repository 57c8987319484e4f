"""What every request passes before it comes to a route, and every answer after: as plain ASGI.

From outside in: a line for the log, headers, the client's limit, the size of the body.
"""

from __future__ import annotations

import logging
import time
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acebet.service.limits import ANYTHING, Limits, TooMany, client_of

log = logging.getLogger("acebet.service")

LARGEST_BODY = 16 * 1024
HEADERS = {
    # Only this server's own files; style sheets bring pictures of their own as data:.
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_FILES = ("/static/", "/docs")


class Logged:
    """A line for each request: never a query, header or body, which hold names and passwords."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and say what became of it."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        begin, status = time.perf_counter(), 500

        async def seen(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, seen)
        finally:
            spent = (time.perf_counter() - begin) * 1e3
            path = quote(scope["path"])  # a path may hold line ends
            log.info("%s %s %s %d %.0fms", _host(scope), scope["method"], path, status, spent)


class Headed:
    """Security headers; and answers of the API are kept by nobody on the way."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and add to the answer."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                # Files have an ETag: they are asked for again, and rarely sent again.
                kept = scope["path"] == "/" or scope["path"].startswith(_FILES)
                headers.setdefault("cache-control", "no-cache" if kept else "no-store")
            await send(message)

        return await self._app(scope, receive, headed)


class Limited:
    """So many requests a client, whatever they are for."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] == "http":
            try:
                self._limits.count(ANYTHING, client_of(_host(scope)))
            except TooMany as error:
                return await too_many(error)(scope, receive, send)
        return await self._app(scope, receive, send)


class Sized:
    """Bodies are small here: what is larger is not read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, and pass on; or refuse."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            return await _too_large(scope, receive, send)
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > LARGEST_BODY:  # without a length, or with a false one
                return await _too_large(scope, receive, send)
        given = iter([{"type": "http.request", "body": body}])

        async def again() -> Message:
            return next(given, None) or await receive()

        return await self._app(scope, again, send)


def too_many(error: TooMany) -> JSONResponse:
    """The answer to who has asked too much."""
    return JSONResponse({"detail": str(error)}, 429, {"retry-after": str(error.wait)})


_too_large = JSONResponse({"detail": f"a body of more than {LARGEST_BODY} bytes"}, 413)


def _host(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else "-"
