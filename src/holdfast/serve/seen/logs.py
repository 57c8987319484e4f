"""The log: a line for each request, where that is wanted, and for each change, always.

Lines are written once a turn of the loop, all that have come together. A log that cannot be
written, on a full disk say, stops nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from holdfast.redact import printable, redact_said
from holdfast.serve.pool.call import Call
from holdfast.serve.seen.seen import Observer, Seen

Say = Callable[[str], None]

_LIBRARIES = ("uvicorn.error", "asyncio", "holdfast.serve", "opentelemetry")
_OF_CLIENTS = {"Invalid HTTP request received.", "Unsupported upgrade request."}


def access_log(form: str) -> Observer | None:
    """What writes a line for each request; None where `form` is "off"."""
    if form == "off":
        return None
    lines = _Lines(sys.stderr.fileno())
    as_line = _as_json if form == "json" else _as_text
    return lambda seen: lines.add(as_line(seen))


def changes(form: str, say: Say) -> Say:
    """What says a change in the same form as the requests."""
    if form != "json":
        return say
    return lambda text: say(_json({"time": _now(), "event": "change", "message": text}))


@contextmanager
def of_libraries(say: Say) -> Iterator[None]:
    """What uvicorn and asyncio find worth a warning is said as everything else."""
    handler = _Handler(say)
    loggers = [logging.getLogger(name) for name in _LIBRARIES]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


class _Handler(logging.Handler):
    def __init__(self, say: Say) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        # A client's mistakes would fill the disk; the client is told.
        if record.getMessage() not in _OF_CLIENTS:
            self._say(redact_said(self.format(record), os.environ))


class _Lines:
    """Lines to a file, written together."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lines: list[str] = []

    def add(self, line: str) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write)
        self._lines.append(line)

    def _write(self) -> None:
        data = memoryview(("\n".join(self._lines) + "\n").encode("utf-8", "backslashreplace"))
        self._lines.clear()
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            # Nobody is there to be told.
            return


def _as_text(seen: Seen) -> str:
    words = [
        _now(),
        seen.client or "-",
        seen.method,
        printable(seen.path).replace(" ", "%20"),
        str(seen.status),
        f"{seen.seconds * 1000:.2f}ms",
        f"in={'-' if seen.received is None else seen.received}",
        f"out={seen.sent}",
        *(f"{name}={value}" for name, value in of_call(seen).items()),
        f"id={seen.id.decode('ascii', 'backslashreplace')}",
    ]
    return " ".join(words)


def _as_json(seen: Seen) -> str:
    return _json(
        {
            "time": _now(),
            "event": "request",
            "id": seen.id.decode("ascii", "backslashreplace"),
            "client": seen.client,
            "method": seen.method,
            "path": seen.path,
            "status": seen.status,
            "seconds": round(seen.seconds, 6),
            "received": seen.received,
            "sent": seen.sent,
            **of_call(seen),
        }
    )


def of_call(seen: Seen) -> dict[str, Any]:
    """What the model was asked: its name, its version and the rows."""
    call = seen.call
    if call is None:
        return {}
    return {"model": seen.model, "version": version_of(call), "rows": call.rows}


def version_of(call: Call) -> str:
    """Which version a call went to; "" where none took it."""
    return call.version.rpartition(b" ")[2].decode("ascii", "replace")


_json: Callable[[dict[str, Any]], str] = json.JSONEncoder(separators=(",", ":")).encode


def _now() -> str:
    now = time.time()
    return f"{_second(int(now))}.{int(now * 1000) % 1000:03d}Z"


@lru_cache(maxsize=1)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
