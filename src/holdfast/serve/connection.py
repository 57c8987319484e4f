"""Connections: HTTP by uvicorn, with an express lane for predictions.

uvicorn parses (httptools), keeps connections alive, queues pipelined requests and shuts down; its
protocol class is extended here, not replaced. A POST to a route of predictions does not become an
ASGI task: its body goes to the route when it is complete, and the answer is written when it is
there. All other requests go uvicorn's usual way, to the application in app.py.
"""

from __future__ import annotations

import http
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Protocol, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from holdfast.serve.call import JSON, Call, Reply
from holdfast.serve.door import Lines, Turned
from holdfast.serve.entrance import Entrance
from holdfast.serve.ids import HEADER, STATE, request_id
from holdfast.serve.protocol.problem import Problem
from holdfast.serve.seen import Seen, client_of, model_in
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
    """One request on the express lane. To uvicorn it is a cycle like its own.

    Attributes:
        headers: Of the request, by their names in lower case.
        lines: Of the answer's head, beside those that every answer has.
        call: What was made of it, once its body was there.
    """

    __slots__ = (
        "_connection",
        "_length",
        "_pieces",
        "_refusal",
        "_route",
        "_started",
        "call",
        "complete",
        "disconnected",
        "headers",
        "id",
        "keep_alive",
        "lines",
        "message_event",
        "method",
        "path",
        "response_complete",
    )

    def __init__(
        self,
        connection: Connection,
        route: Route | None,
        headers: dict[bytes, bytes],
        id_: bytes,
        lines: Lines,
    ) -> None:
        self._connection = connection
        self._route = route
        self._pieces: list[bytes] = []
        self._length = 0
        self._started = False
        self._refusal: Turned | None = None
        self.call: Call | None = None
        self.headers = headers
        self.id = id_
        self.lines = lines
        self.method = connection.parser.get_method()
        self.path = connection.url
        self.keep_alive = connection.parser.should_keep_alive()
        self.message_event = _NO_EVENT
        self.complete = self.disconnected = self.response_complete = False

    @property
    def length(self) -> int:
        """Bytes of the body that have come."""
        return self._length

    def add(self, piece: bytes) -> bool:
        """Some of the body; false where it has become too large."""
        if self._refusal is None:
            self._pieces.append(piece)
            self._length += len(piece)
        return self._length <= self._connection.lane.limits.body

    def start(self) -> None:
        """It is this request's turn."""
        self._started = True
        if self._refusal is not None:
            self._turn(self._refusal)
        elif self.complete:
            self._go()

    def end(self) -> None:
        """The body is there."""
        self.complete = True
        if self._started and not self.response_complete:
            self._go()

    def refuse(self, turned: Turned) -> None:
        """Answer, when it is its turn, without waiting for the body."""
        self._pieces.clear()
        self._refusal = turned
        if self._started:
            self._turn(turned)

    def reply(self, status: int, content_type: bytes, body: bytes) -> None:
        """Write the answer."""
        if self.response_complete or self.disconnected:
            return
        self.response_complete = True
        self._connection.write_answer(self, status, content_type, body)

    def _turn(self, turned: Turned) -> None:
        headers = self.headers
        awaited = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
        if awaited and not self.complete:
            # What is still to come of the body is not waited for.
            self.keep_alive = False
        self.lines += turned.headers
        self.reply(turned.status, JSON, turned.body)

    def _go(self) -> None:
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        arrived = monotonic()
        content_type = self.headers.get(b"content-type", b"")
        if self._route is not None:
            self.call = self._route(self.reply, arrived, content_type, body)


class Connection(HttpToolsProtocol):
    """One client's connection.

    Args:
        lane: The gateway.
        entrance: What every request passes first.
        options: What uvicorn gives its protocols.
    """

    def __init__(self, lane: Lane, entrance: Entrance | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.lane = lane
        self.entrance = entrance or Entrance()

    def on_headers_complete(self) -> None:
        """Choose the lane."""
        entrance, method, path = self.entrance, self.parser.get_method(), self.url
        headers = dict(self.headers)
        id_ = request_id(headers.get(HEADER))
        lines: Lines = ()
        if entrance.prefix:
            path = entrance.bare(path)
        turned: Turned | None = None
        if entrance.door is not None:
            turned = entrance.door.look(method, path.partition(b"?")[0], headers)
            lines = entrance.door.cross_origin(headers)
        route = self.lane.routes.get(path) if method == b"POST" else None
        if turned is None and route is None:
            self._take_usual_way(id_, lines)
        else:
            self._take_express(Express(self, route, headers, id_, lines), turned)

    def _take_usual_way(self, id_: bytes, lines: Lines) -> None:
        self.scope["state"][STATE] = id_
        super().on_headers_complete()
        self.cycle.default_headers = [*self.cycle.default_headers, (HEADER, id_), *lines]

    def _take_express(self, express: Express, turned: Turned | None) -> None:
        busy = self.cycle is not None and not self.cycle.response_complete
        self.cycle = cast("Any", express)
        length = express.headers.get(b"content-length")
        if turned is None and length and int(length) > self.lane.limits.body:
            turned = self._too_large()
        if turned is not None:
            express.refuse(turned)
        if busy:
            self.flow.pause_reading()
            self.pipeline.appendleft(cast("Any", (express, None)))
            return
        express.start()
        if self.expect_100_continue and turned is None:
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
        for name, value in (*self.server_state.default_headers, *express.lines):
            head += (name, b": ", value, b"\r\n")
        head += (b"x-request-id: ", express.id, b"\r\ncontent-type: ", content_type)
        head.append(b"\r\ncontent-length: %d" % len(body))
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
        if self.entrance.observe is not None:
            self.entrance.observe(self._seen(express, status, len(body)))

    def _seen(self, express: Express, status: int, sent: int) -> Seen:
        call, path = express.call, express.path.partition(b"?")[0].decode("ascii", "replace")
        return Seen(
            id=express.id,
            method=express.method.decode(),
            path=path,
            status=status,
            seconds=monotonic() - call.arrived if call else 0.0,
            received=express.length,
            sent=sent,
            client=client_of((self.client or ("",))[0], express.headers, self.entrance.proxies),
            headers=express.headers,
            call=call,
            model=model_in(path, self.entrance.first),
        )

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if type(cycle) is Express:
            cycle.start()
        else:
            super()._start_asgi_task(cycle, app)

    def _too_large(self) -> Turned:
        limit = self.lane.limits.body
        problem = Problem("REQUEST_TOO_LARGE", f"the body is larger than {limit} bytes")
        return Turned("size", problem.status, problem.body)
