"""Connections: HTTP by uvicorn, with an express lane for predictions.

uvicorn parses (httptools) and runs ASGI tasks; its protocol class is extended here, not replaced.
A POST to a route of predictions does not become an ASGI task: its body goes to the route when it
is complete, and the answer is written when it is there. All other requests go uvicorn's usual way,
to the application in app.py. Answers keep the order of the requests, whichever lane they took.

No timer runs for a connection: `look` is called twice a second, and ends what takes too long.
"""

from __future__ import annotations

import http
from collections.abc import Mapping
from time import monotonic
from typing import Any, Protocol, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from holdfast.serve.door.door import Lines, Turned
from holdfast.serve.door.ids import HEADER, STATE, request_id
from holdfast.serve.http.entrance import Entrance, seen_on_express
from holdfast.serve.http.express import Express, Route, no_room, too_large, turned_by
from holdfast.serve.http.parsing import MOST_LINES, Parsing, head_too_large
from holdfast.serve.http.patience import Patience, Phase
from holdfast.serve.http.traffic import Traffic
from holdfast.serve.settings import Limits

_STATUS = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    for status in http.HTTPStatus
}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Lane(Protocol):
    """What a connection asks of the gateway."""

    limits: Limits

    @property
    def routes(self) -> Mapping[bytes, Route]:
        """What takes the bodies of POST requests, by the path."""


class Connection(Parsing):
    """One client's connection.

    Args:
        lane: The gateway.
        entrance: What every request passes first.
        options: What uvicorn gives its protocols; the `server_state` is a Traffic.
    """

    def __init__(self, lane: Lane, entrance: Entrance | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.lane = lane
        self.limits = lane.limits
        self.entrance = entrance or Entrance()
        self.traffic = cast("Traffic", self.server_state)
        # The request whose answer is the next one; `cycle` is the last one that came.
        self.turn: Any = None
        self._patience = Patience(lane.limits)
        self._advancing = self._leaving = self._half_closed = False

    def now(self) -> float:
        """The loop's time."""
        return monotonic()

    def connection_made(self, transport: Any) -> None:
        """A client is there; one too many is told so."""
        super().connection_made(transport)
        if len(self.connections) > self.traffic.most:
            express = Express(self, None, {}, request_id(None))
            express.refuse(turned_by("TEMPORARILY_UNAVAILABLE", "too many connections"))
            express.keep_alive = False
            self.cycle = cast("Any", express)
            self._start_asgi_task(express, None)
            if len(self.connections) > self.traffic.with_turned_away:
                transport.close()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The client sends nothing more; requests that are there are answered all the same."""
        if self.turn is None or self.turn.response_complete or self.scheme == "https":
            return None
        if self.open and not self.in_head:
            # The last one came only in part.
            if self.turn is self.cycle:
                return None
            self.pipeline.popleft()
        last: Any = self.pipeline[0][0] if self.pipeline else self.turn
        last.keep_alive = False
        self._half_closed = True
        return True

    def on_headers_complete(self) -> None:
        """Choose the lane."""
        if self.again:
            return
        self.in_head = False
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
        if turned is None:
            turned = self._look(headers)
        route = self.lane.routes.get(path) if method == b"POST" else None
        if turned is None and route is None:
            self._take_usual_way(id_, lines)
        else:
            express = Express(self, route, headers, id_, lines)
            express.method, express.path = method, self.url
            express.keep_alive = self.parser.should_keep_alive()
            self._take_express(express, turned)

    def on_body(self, body: bytes) -> None:
        """Some of a body."""
        self.body_bytes += len(body)
        cycle: Any = self.cycle
        if type(cycle) is Express:
            if not cycle.response_complete:
                cycle.add(body)
        elif self.body_bytes > self.limits.body:
            self.break_off(too_large(self.limits))
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The whole of a request is there."""
        if self.goes_on():
            return
        self.open = False
        cycle: Any = self.cycle
        if type(cycle) is not Express:
            super().on_message_complete()
        elif not cycle.response_complete:
            cycle.end()

    def on_response_complete(self) -> None:
        """An answer is written; the next request's turn has come."""
        self.traffic.total_requests += 1
        if self.pipeline or self.flow.read_paused:
            self._advance()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: nobody waits for answers."""
        for cycle in [self.turn, *(cycle for cycle, _ in self.pipeline)]:
            if type(cycle) is Express:
                cycle.forget()
            elif cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        self._advance()

    def write_answer(self, express: Express, status: int, content_type: bytes, body: bytes) -> None:
        """Write an answer, and go on to the next request or close."""
        if self.traffic.draining:
            express.keep_alive = False
        head = [_STATUS[status], self.traffic.head]
        for name, value in express.lines:
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
            self._leave()
        self.on_response_complete()
        if self.entrance.observe is not None:
            client = (self.client or ("",))[0]
            self.entrance.observe(
                seen_on_express(express, status, len(body), client, self.entrance)
            )

    def look(self, now: float) -> None:
        """End what takes too long. Called twice a second."""
        if self.transport.is_closing():
            phase = Phase.LEAVING
        elif self.transport.get_write_buffer_size():
            phase = Phase.READING
        elif self._leaving:
            phase = Phase.LEAVING
        elif self.turn is not None and not self.turn.response_complete and self._is_asked:
            phase = Phase.WAITING
            if self._half_closed:
                # A client that has gone cannot be told from one that waits, but by writing to it.
                self.transport.write(_CONTINUE)
        else:
            phase = Phase.ASKING if self.open else Phase.IDLE
        progress = self.body_bytes
        if phase is Phase.READING:
            progress = -self.transport.get_write_buffer_size()
        if self._patience.lasts(phase, self.number, progress, now):
            return
        if phase is Phase.ASKING:
            self.break_off(turned_by("REQUEST_TIMEOUT", "the request did not come in time"))
        elif phase is Phase.IDLE:
            self.transport.close()
        else:
            self.transport.abort()

    @property
    def resting(self) -> bool:
        """Whether no request is here, or about to be."""
        return not self.open and (self.turn is None or self.turn.response_complete)

    @property
    def _is_asked(self) -> bool:
        """Whether the request whose turn it is, is there as a whole."""
        return self.turn is not self.cycle or not self.open or self.in_head

    def _look(self, headers: dict[bytes, bytes]) -> Turned | None:
        """Why a request with these headers is not let in; None where it is."""
        length = headers.get(b"content-length")
        if length is not None:
            if int(length) > self.limits.body:
                return too_large(self.limits)
            if int(length) + self.traffic.held > self.limits.bodies:
                return no_room()
        if len(self.headers) > MOST_LINES:
            return head_too_large()
        return None

    def _take_usual_way(self, id_: bytes, lines: Lines) -> None:
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        HttpToolsProtocol.on_message_begin(self)
        self.url, self.scope["headers"], self.expect_100_continue = url, headers, expect
        self.scope["state"][STATE] = id_
        super().on_headers_complete()
        self.cycle.default_headers = [*self.cycle.default_headers, (HEADER, id_), *lines]
        if self.traffic.draining:
            self.cycle.keep_alive = False

    def _take_express(self, express: Express, turned: Turned | None) -> None:
        busy = self.pipeline or (self.turn is not None and not self.turn.response_complete)
        self.cycle = cast("Any", express)
        if turned is not None:
            express.refuse(turned)
        if busy or self.flow.write_paused:
            self.flow.pause_reading()
            self.pipeline.appendleft(cast("Any", (express, None)))
            return
        express.expects = self.expect_100_continue
        self._start_asgi_task(express, None)

    def _advance(self) -> None:
        """Go on with requests that wait for their turn, as long as the client reads answers."""
        if self._advancing:
            return
        self._advancing = True
        while self.pipeline and not self.flow.write_paused and not self._is_over:
            if self.turn is not None and not self.turn.response_complete:
                break
            self._start_asgi_task(*self.pipeline.pop())
        self._advancing = False
        if not self.pipeline and not self.flow.write_paused:
            self.flow.resume_reading()

    @property
    def _is_over(self) -> bool:
        return self._leaving or self.transport.is_closing()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self.turn = cycle
        if type(cycle) is not Express:
            super()._start_asgi_task(cycle, app)
        elif cycle.start() and cycle.expects:
            self.transport.write(_CONTINUE)

    def break_off(self, turned: Turned) -> None:
        """Refuse a request that cannot be read to its end; nothing more is read."""
        cycle: Any = self.cycle
        in_body = self.open and not self.in_head and not cycle.response_complete
        self.deaf, self.open = True, False
        if in_body and type(cycle) is Express:
            cycle.keep_alive = False
            cycle.refuse(turned)
            return
        if in_body:
            cycle.disconnected = cycle.response_complete = True
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.close()
                return
            if self.turn is not cycle:
                self.pipeline.popleft()
        express = Express(self, None, {}, request_id(None))
        express.keep_alive = False
        self._take_express(express, turned)

    def _leave(self) -> None:
        """Close once the client has read the answer: closed with its bytes unread, it may not."""
        self.deaf = self._leaving = True
        if self._half_closed or not self.transport.can_write_eof():
            self.transport.close()
        elif not self.transport.is_closing():
            self.transport.write_eof()
