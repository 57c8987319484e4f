"""Connections: HTTP by uvicorn, with an express lane for predictions.

uvicorn parses (httptools), keeps connections alive, queues pipelined requests and shuts down; its
protocol class is extended here, not replaced. A POST to a route of predictions does not become an
ASGI task: its body goes to the route when it is complete, and the answer is written when it is
there. All other requests go uvicorn's usual way, to the application in app.py.
"""

from __future__ import annotations

import http
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from holdfast.serve.call import Call, Reply
from holdfast.serve.protocol.problem import Problem
from holdfast.serve.settings import Limits

Route = Callable[[Reply, float, bytes, bytes], Call]

_STATUS = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    for status in http.HTTPStatus
}


class Lane(Protocol):
    """What a connection asks of the gateway."""

    limits: Limits

    @property
    def routes(self) -> Mapping[bytes, Route]:
        """What takes the bodies of POST requests, by the path."""


class _Event:
    """What uvicorn wakes its ASGI task with; an express request has none."""

    def set(self) -> None:
        """Nobody waits."""


_NO_EVENT = _Event()


class Express:
    """One request on the express lane. To uvicorn it is a cycle like its own."""

    __slots__ = (
        "_connection",
        "_length",
        "_pieces",
        "_route",
        "_started",
        "call",
        "complete",
        "content_type",
        "disconnected",
        "keep_alive",
        "message_event",
        "response_complete",
    )

    def __init__(self, connection: Connection, route: Route, content_type: bytes) -> None:
        self._connection = connection
        self._route = route
        self._pieces: list[bytes] = []
        self._length = 0
        self._started = False
        self.call: Call | None = None
        self.content_type = content_type
        self.keep_alive = connection.parser.should_keep_alive()
        self.message_event = _NO_EVENT
        self.complete = self.disconnected = self.response_complete = False

    def add(self, piece: bytes) -> bool:
        """Some of the body; false where it has become too large."""
        self._pieces.append(piece)
        self._length += len(piece)
        return self._length <= self._connection.lane.limits.body

    def start(self) -> None:
        """It is this request's turn."""
        self._started = True
        if self.complete:
            self._go()

    def end(self) -> None:
        """The body is there."""
        self.complete = True
        if self._started:
            self._go()

    def refuse(self, problem: Problem) -> None:
        """Answer before the body is there; the connection cannot be used again."""
        self.keep_alive = False
        self._pieces.clear()
        self.reply(problem.status, b"application/json", problem.body)

    def reply(self, status: int, content_type: bytes, body: bytes) -> None:
        """Write the answer."""
        if self.response_complete or self.disconnected:
            return
        self.response_complete = True
        self._connection.write_answer(self, status, content_type, body)

    def _go(self) -> None:
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        arrived = self._connection.loop.time()
        self.call = self._route(self.reply, arrived, self.content_type, body)


class Connection(HttpToolsProtocol):
    """One client's connection.

    Args:
        lane: The gateway.
        options: What uvicorn gives its protocols.
    """

    def __init__(self, lane: Lane, **options: Any) -> None:
        super().__init__(**options)
        self.lane = lane

    def on_headers_complete(self) -> None:
        """Choose the lane."""
        route = self.lane.routes.get(self.url)
        if route is None or self.parser.get_method() != b"POST":
            super().on_headers_complete()
            return
        content_type, length = b"", b""
        for name, value in self.headers:
            if name == b"content-type":
                content_type = value
            elif name == b"content-length":
                length = value
        express = Express(self, route, content_type)
        busy = self.cycle is not None and not self.cycle.response_complete
        self.cycle = cast("Any", express)
        if length and int(length) > self.lane.limits.body:
            express.refuse(self._too_large())
        elif busy:
            self.flow.pause_reading()
            self.pipeline.appendleft(cast("Any", (express, None)))
        else:
            express.start()
            if self.expect_100_continue:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Some of a body."""
        cycle: Any = self.cycle
        if type(cycle) is not Express:
            super().on_body(body)
        elif not cycle.response_complete and not cycle.add(body):
            cycle.refuse(self._too_large())

    def on_message_complete(self) -> None:
        """The whole of a request is there."""
        cycle: Any = self.cycle
        if type(cycle) is not Express:
            super().on_message_complete()
        elif not cycle.response_complete:
            cycle.end()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: nobody waits for the answer."""
        cycle: Any = self.cycle
        if type(cycle) is Express and cycle.call is not None:
            cycle.call.forget()
        super().connection_lost(exc)

    def write_answer(self, express: Express, status: int, content_type: bytes, body: bytes) -> None:
        """Write an answer, and go on to the next request or close."""
        head = [_STATUS[status]]
        for name, value in self.server_state.default_headers:
            head += (name, b": ", value, b"\r\n")
        head += (b"content-type: ", content_type, b"\r\ncontent-length: ", b"%d" % len(body))
        if express.call is not None:
            head.append(express.call.version)
        if status == http.HTTPStatus.SERVICE_UNAVAILABLE:
            head.append(b"\r\nretry-after: 1")
        if not express.keep_alive:
            head.append(b"\r\nconnection: close")
        head += (b"\r\n\r\n", body)
        self.transport.write(b"".join(head))
        if not express.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if type(cycle) is Express:
            cycle.start()
        else:
            super()._start_asgi_task(cycle, app)

    def _too_large(self) -> Problem:
        limit = self.lane.limits.body
        return Problem("REQUEST_TOO_LARGE", f"the body is larger than {limit} bytes")
