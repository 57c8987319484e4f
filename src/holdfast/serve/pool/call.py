"""A call: one request for predictions, from the moment its body is there until it is answered."""

from __future__ import annotations

import asyncio
import http
import json
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

from holdfast.errors import ModelError, ToolError
from holdfast.redact import redact_said

logger = logging.getLogger("holdfast.serve")

# Status, content type, body.
Reply = Callable[[int, bytes, bytes], None]
# Header and buffers of a worker's answer.
Found = tuple[dict[str, Any], tuple[bytes, ...]]

JSON = b"application/json"


class Call:
    """One request for predictions.

    Attributes:
        rows: How many rows it asks for; 0 where only the worker can tell.
        data: What the decoder made of the body; the body itself where `rows` is 0.
        content_type: Of the body.
        arrived: When its body was there, on the monotonic clock: the loop's own counts whole
            milliseconds.
        sent: When a worker was given it, the last time if it was tried again; 0 for not yet.
        tries: How many workers have died on it.
        alone: Whether it is to be predicted by itself, since a batch with it has failed.
        version: The line of the answer's head that says which version answers.
    """

    __slots__ = (
        *("_reply", "alone", "arrived", "content_type", "data", "rows", "sent", "tries"),
        "version",
    )

    def __init__(
        self,
        reply: Reply,
        arrived: float,
        data: Any,
        rows: int = 0,
        content_type: bytes = JSON,
    ) -> None:
        self._reply: Reply | None = reply
        self.arrived = arrived
        self.sent = 0.0
        self.data = data
        self.rows = rows
        self.content_type = content_type
        self.tries = 0
        self.alone = False
        self.version = b""

    @property
    def answered(self) -> bool:
        """Whether nobody waits for an answer any more."""
        return self._reply is None

    def answer(self, status: int, body: bytes, content_type: bytes = JSON) -> None:
        """Give the answer, once; a second one is dropped."""
        reply, self._reply = self._reply, None
        if reply is not None:
            try:
                reply(status, content_type, body)
            # The others of the batch have answers, too.
            except Exception:
                logger.exception("an answer could not be written")

    def forget(self) -> None:
        """Nobody waits any more: the client has gone."""
        self._reply = self.data = None


class Question(Call):
    """What a worker is asked for the gateway's own sake; it waits its turn like any other call.

    Args:
        found: Gets the answer's header and buffers, or a ModelError where the model failed, or a
            ToolError where it was not asked at all.
        header: Of the request, JSON.
        buffers: Of the request.
    """

    __slots__ = ("_found", "header")

    def __init__(
        self, found: asyncio.Future[Found], arrived: float, header: bytes, buffers: Sequence[Any]
    ) -> None:
        super().__init__(self._refused, arrived, buffers)
        self.header = header
        self._found = found

    def end(self, header: dict[str, Any], buffers: Sequence[memoryview]) -> None:
        """Take the worker's answer."""
        self.forget()
        if self._found.done():
            return
        error = header.get("error")
        if error is None:
            self._found.set_result((header, tuple(map(bytes, buffers))))
        else:
            said = redact_said(f"{error.get('type', '')}: {error.get('message', '')}", os.environ)
            self._found.set_exception(ModelError(said.removeprefix("builtins.")))

    def _refused(self, status: int, _: bytes, body: bytes) -> None:
        said = json.loads(body)["message"]
        gone = status == http.HTTPStatus.INTERNAL_SERVER_ERROR
        if not self._found.done():
            self._found.set_exception(ModelError(said) if gone else ToolError(said))
