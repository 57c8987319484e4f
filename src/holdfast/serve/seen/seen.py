"""What was seen of a request once it is answered, for logs and traces; never a body or a query."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from holdfast.serve.door.ids import STATE
from holdfast.serve.pool.call import Call

Headers = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request that was answered.

    Attributes:
        id: See ids.py.
        method: GET, POST, …
        path: As it was asked for, without the query.
        status: Of the answer.
        seconds: From when the request was there to when its answer was written.
        received: Bytes of the request's body; None where nobody counted.
        sent: Bytes of the answer's body.
        client: Address of whoever asked; "" on a Unix socket.
        headers: Of the request.
        call: What a model was asked; None where none was asked.
        model: Its name.
    """

    id: bytes
    method: str
    path: str
    status: int
    seconds: float
    received: int | None
    sent: int
    client: str
    headers: Headers
    call: Call | None = None
    model: str = ""


Observer = Callable[[Seen], None]


def observer_of(*observers: Observer | None) -> Observer | None:
    """One of several; None where there is none."""
    found = [observer for observer in observers if observer is not None]
    if len(found) < 2:  # noqa: PLR2004 - one is itself
        return found[0] if found else None

    def all_of(seen: Seen) -> None:
        for observer in found:
            observer(seen)

    return all_of


def client_of(peer: str, headers: Headers, proxies: frozenset[str]) -> str:
    """Who asked: the peer, or whom the last trusted proxy names.

    X-Forwarded-For grows to the right; what stands left of an address that is no proxy of ours was
    written by whoever liked to.
    """
    if peer not in proxies:
        return peer
    for part in reversed(headers.get(b"x-forwarded-for", b"").split(b",")):
        address = part.decode("latin-1").strip()
        try:
            peer = str(ipaddress.ip_address(address))
        except ValueError:
            break
        if peer not in proxies:
            break
    return peer


def model_in(path: str, first: str) -> str:
    """The name of the model that a path of predictions means.

    Args:
        path: `/invocations`, `/models/{name}/invocations` or `/v2/models/{name}/infer`.
        first: Who is meant where the path names nobody.
    """
    _, found, rest = path.partition("/models/")
    return rest.partition("/")[0] if found else first


class Observed:
    """An ASGI application whose requests are seen.

    Args:
        app: The application.
        observe: Is told of each request when it was answered.
        proxies: See `client_of`.
        first: See `model_in`.
    """

    def __init__(self, app: Any, observe: Observer, proxies: frozenset[str], first: str) -> None:
        self._app = app
        self._observe = observe
        self._proxies = proxies
        self._first = first

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        status, sent, since = 500, 0, time.monotonic()

        async def count(message: MutableMapping[str, Any]) -> None:
            nonlocal status, sent
            status = message.get("status", status)
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, count)
        finally:
            headers = dict(scope["headers"])
            length = headers.get(b"content-length", b"0")
            self._observe(
                Seen(
                    id=scope["state"].get(STATE, b""),
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    seconds=time.monotonic() - since,
                    received=int(length) if length.isdigit() else None,
                    sent=sent,
                    client=client_of((scope["client"] or [""])[0], headers, self._proxies),
                    headers=headers,
                    call=scope["state"].get("call"),
                    model=model_in(scope["path"], self._first),
                )
            )
