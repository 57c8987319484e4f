"""Parsing: bytes into requests by uvicorn's httptools, and what is not taken from a client.

What comes is counted, so that a head has an end. Nothing is known here of what requests are for.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from holdfast.serve.door.door import Turned
from holdfast.serve.http.express import turned_by

MOST_LINES = 100
# Bytes of a request's head; what stands between and behind the chunks of a body counts, too.
_LONGEST_HEAD = 1 << 15


class Parsing(HttpToolsProtocol):
    """A connection, as far as it is about bytes.

    Attributes:
        open: Whether a request is here in part.
        in_head: Whether it is so little that its headers are not complete.
        body_bytes: Of its body.
        number: Of the requests that have begun.
        deaf: Whether what comes is dropped.
        again: Whether it is the parser that begins once more, and not the client.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.open = self.in_head = self.deaf = False
        self.body_bytes = self.number = 0
        self._head_bytes = 0
        self.again = False

    @abstractmethod
    def break_off(self, turned: Turned) -> None:
        """Refuse a request that cannot be read to its end; nothing more is read."""

    def data_received(self, data: bytes) -> None:
        """Some of a request, or several."""
        if self.deaf:
            return
        number, body = self.number, self.body_bytes
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.break_off(turned_by("BAD_REQUEST", "this is not HTTP"))
        if self.open:
            # In the read in which it began there may be other requests before it.
            more = self.number == number and self.body_bytes == body
            self._head_bytes = self._head_bytes + len(data) if more else 0
            if self._head_bytes > _LONGEST_HEAD:
                self.break_off(head_too_large())

    def on_message_begin(self) -> None:
        """A request begins; what only ASGI wants of it is made when it is known to go there."""
        if self.again:
            return
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self.open = self.in_head = True
        self._head_bytes = self.body_bytes = 0
        self.number += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        """A line of a head; one that comes behind the body means nothing."""
        if self.in_head:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def goes_on(self) -> bool:
        """Whether a message is complete only to the parser.

        It takes a request to end with its head if that asks for another protocol. Java's client
        asks for HTTP/2 so, with a body behind it; the answer to that is to go on with HTTP/1.1.
        """
        return self.parser.should_upgrade() and bool(self._body_line())

    def _body_line(self) -> bytes:
        """The line of the head that announces a body."""
        for name, value in self.headers:
            if name == b"transfer-encoding" or (name == b"content-length" and int(value)):
                return b"%b: %b\r\n" % (name, value)
        return b""

    def _go_on(self, rest: bytes) -> None:
        """Read what stands behind a head that asks for another protocol."""
        self.parser = httptools.HttpRequestParser(self)
        if self.open:
            url, self.again = self.url, True
            self.parser.feed_data(b"POST / HTTP/1.1\r\n" + self._body_line() + b"\r\n")
            self.url, self.again = url, False
        if rest:
            self.data_received(rest)


def head_too_large() -> Turned:
    """431."""
    limits = f"{_LONGEST_HEAD} bytes or {MOST_LINES} lines"
    return turned_by("REQUEST_HEAD_TOO_LARGE", f"the request's head has more than {limits}")
