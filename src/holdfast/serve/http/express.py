"""A request on the express lane: its body is gathered and goes to its route, which answers it.

To uvicorn, which keeps the order of pipelined requests, it is a cycle like its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from holdfast.serve.door.door import Lines, Turned
from holdfast.serve.http.traffic import Traffic
from holdfast.serve.pool.call import JSON, Call, Reply
from holdfast.serve.protocol.problem import Problem
from holdfast.serve.settings import Limits

logger = logging.getLogger("holdfast.serve")

Route = Callable[[Reply, float, bytes, bytes], Call]
Headers = dict[bytes, bytes]


class Writer(Protocol):
    """What a request asks of its connection."""

    limits: Limits
    traffic: Traffic

    def now(self) -> float:
        """The monotonic clock's time; the loop's own counts whole milliseconds."""

    def write_answer(self, express: Express, status: int, content_type: bytes, body: bytes) -> None:
        """Write an answer, and go on to the next request or close."""


class _Event:
    """What uvicorn wakes its ASGI task with; an express request has none."""

    def set(self) -> None:
        """Nobody waits."""


_NO_EVENT = _Event()


class Express:
    """One request on the express lane.

    Args:
        connection: Where it came in.
        route: What takes it; None where it is only to be refused.
        headers: By their names in lower case.
        id_: See ids.py.
        lines: Of the answer's head, beside those that every answer has.

    Attributes:
        call: What was made of it, once its body was there.
        complete: Whether all of it is there.
        keep_alive: Whether the connection is used again.
        length: Bytes of the body that have come.
    """

    __slots__ = (
        "_connection",
        "_held",
        "_pieces",
        "_refusal",
        "_route",
        "_started",
        "call",
        "complete",
        "disconnected",
        "expects",
        "headers",
        "id",
        "keep_alive",
        "length",
        "lines",
        "message_event",
        "method",
        "path",
        "response_complete",
    )

    def __init__(
        self,
        connection: Writer,
        route: Route | None,
        headers: Headers,
        id_: bytes,
        lines: Lines = (),
    ) -> None:
        self._connection = connection
        self._route = route
        self._pieces: list[bytes] = []
        self._held = 0
        self._started = False
        self._refusal: Turned | None = None
        self.call: Call | None = None
        self.headers = headers
        self.id = id_
        self.lines = lines
        self.length = 0
        self.method = self.path = b""
        self.message_event = _NO_EVENT
        self.keep_alive = True
        self.complete = self.disconnected = self.response_complete = self.expects = False

    def add(self, piece: bytes) -> None:
        """Some of the body."""
        if self._refusal is not None:
            return
        size, connection = len(piece), self._connection
        self._pieces.append(piece)
        self.length += size
        self._held += size
        connection.traffic.held += size
        if self.length > connection.limits.body:
            self.refuse(too_large(connection.limits))
        elif connection.traffic.held > connection.limits.bodies:
            self.refuse(no_room())

    def start(self) -> bool:
        """It is this request's turn; whether its body is still to come."""
        self._started = True
        if self._refusal is not None:
            self._answer(self._refusal)
        elif self.complete:
            self._go()
        return not self.complete and not self.response_complete

    def end(self) -> None:
        """The body is there."""
        self.complete = True
        if self._started and not self.response_complete:
            self._go()

    def refuse(self, turned: Turned) -> None:
        """Answer, when it is its turn, without waiting for the body."""
        if self._refusal is None:
            self._refusal = turned
            self._release()
            if self._started and not self.response_complete:
                self._answer(turned)

    def reply(self, status: int, content_type: bytes, body: bytes) -> None:
        """Write the answer."""
        if self.response_complete or self.disconnected:
            return
        self.response_complete = True
        self._release()
        self._connection.write_answer(self, status, content_type, body)

    def forget(self) -> None:
        """The client is gone: nobody waits for the answer."""
        self.disconnected = True
        self._release()
        if self.call is not None:
            self.call.forget()

    def _release(self) -> None:
        self._pieces = []
        self._connection.traffic.held -= self._held
        self._held = 0

    def _answer(self, turned: Turned) -> None:
        headers = self.headers
        awaited = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
        if awaited and not self.complete:
            # What is still to come of the body is not waited for.
            self.keep_alive = False
        self.lines += turned.headers
        self.reply(turned.status, JSON, turned.body)

    def _go(self) -> None:
        pieces, self._pieces = self._pieces, []
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        content_type = self.headers.get(b"content-type", b"")
        if self._route is None:
            return
        try:
            self.call = self._route(self.reply, self._connection.now(), content_type, body)
        # In the parser's hands it would pass for the client's mistake.
        except Exception as error:
            logger.exception("a request could not be taken")
            self._answer(turned_by("INTERNAL_ERROR", f"{type(error).__name__} in the gateway"))


def too_large(limits: Limits) -> Turned:
    """413."""
    return turned_by("REQUEST_TOO_LARGE", f"the body is larger than {limits.body} bytes")


def no_room() -> Turned:
    """503: there is no room for another body."""
    return turned_by("TEMPORARILY_UNAVAILABLE", "the requests in work take all memory for bodies")


def turned_by(code: str, why: str) -> Turned:
    """A refusal with one of MLflow's codes."""
    problem = Problem(code, why)
    return Turned("", problem.status, problem.body)
