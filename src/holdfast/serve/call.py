"""A call: one request for predictions, from the moment its body is there until it is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Status, content type, body.
Reply = Callable[[int, bytes, bytes], None]

JSON = b"application/json"


class Call:
    """One request for predictions.

    Attributes:
        rows: How many rows it asks for; 0 where only the worker can tell.
        data: What the decoder made of the body; the body itself where `rows` is 0.
        content_type: Of the body.
        wrap: Makes the answer's body of its predictions, as JSON; None for MLflow's form.
        arrived: When its body was there, on the loop's clock.
        tries: How many workers have died on it.
        alone: Whether it is to be predicted by itself, since a batch with it has failed.
    """

    __slots__ = ("_reply", "alone", "arrived", "content_type", "data", "rows", "tries", "wrap")

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
        self.data = data
        self.rows = rows
        self.content_type = content_type
        self.wrap: Callable[[Any], bytes] | None = None
        self.tries = 0
        self.alone = False

    @property
    def answered(self) -> bool:
        """Whether nobody waits for an answer any more."""
        return self._reply is None

    def answer(self, status: int, body: bytes, content_type: bytes = JSON) -> None:
        """Give the answer, once; a second one is dropped."""
        reply, self._reply = self._reply, None
        if reply is not None:
            reply(status, content_type, body)

    def forget(self) -> None:
        """Nobody waits any more: the client has gone."""
        self._reply = None
