"""A worker's line for an event loop: one exchange at a time, and word when the process is gone.

The parent's side. It takes over a worker that was started and loaded by `client.py`; from then on
nobody blocks on it.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import cast

from holdfast.worker import frames
from holdfast.worker.client import Buffers, Header, Worker
from holdfast.worker.process import Process, why_ended

Answered = Callable[[Header, list[memoryview]], None]
# Seconds that a worker told to stop has for what the model does at exit.
_GRACE = 3.0
_PAUSE = 0.005


class Channel(asyncio.Protocol):
    """The line to one worker. `send` a request, have its answer by callback, then the next.

    Args:
        process: The worker's process.
        on_gone: Called once when no answer will come any more, since the process is gone, was
            killed, or has sent what is not an answer; not after `close`.

    Attributes:
        over: Whether no answer will come any more.
    """

    def __init__(self, process: Process, on_gone: Callable[[], None]) -> None:
        self._process = process
        self._on_gone = on_gone
        self._transport: asyncio.Transport | None = None
        self._answered: Answered | None = None
        self._received = bytearray()
        self._announced: frames.Announced | None = None
        self.over = False
        self._why = ""

    @classmethod
    async def open(cls, worker: Worker, on_gone: Callable[[], None]) -> Channel:
        """Take over the line of `worker`, which nobody else may use from now on.

        Raises:
            OSError: There is no descriptor left; the worker is ended.
        """
        process = worker.hand_over()
        channel = cls(process, on_gone)
        try:
            sock = process.socket.dup()
            await asyncio.get_running_loop().create_connection(lambda: channel, sock=sock)
        except BaseException:
            await asyncio.to_thread(process.end)
            raise
        return channel

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def send(self, header: bytes, buffers: Buffers, answered: Answered) -> None:
        """Send a request, the header a JSON object; `answered` gets the header and the buffers.

        Raises:
            RuntimeError: The answer to the last one is not there yet.
        """
        if self._answered is not None or self._transport is None:
            raise RuntimeError("a worker answers one request at a time")
        self._answered = answered
        # One write, one wake of the worker; what is copied here is small beside what follows.
        self._write(b"".join(frames.pack(header, buffers)))

    def trim_log(self) -> None:
        """Keep only the end of what the process has written, once that is much."""
        try:
            self._process.trim_log()
        # A full disk is no reason to stop.
        except OSError:
            return

    def kill(self, why: str) -> None:
        """End the process now; its answer is not heard, and `on_gone` is called as ever."""
        self._process.kill()
        self._lose(why)

    async def ended(self) -> str:
        """End what is left of a process that is gone; why it is, in words, and its last lines."""
        until = time.monotonic() + _GRACE
        # A closed line comes a moment before the process is gone.
        while self._process.is_alive() and time.monotonic() < until:  # noqa: ASYNC110 - of a process
            await asyncio.sleep(_PAUSE)
        lines = self._process.last_lines()
        status = await asyncio.to_thread(self._process.end)
        told = self._why or why_ended(status)
        return f"{told}\n\n{lines}" if lines else told

    async def close(self) -> None:
        """Let the process end by itself, or else end it; `on_gone` is not called."""
        if self.over or self._transport is None:
            await asyncio.to_thread(self._process.end)
            return
        self.over = True
        if self._answered is None:
            self._transport.write(b"".join(frames.pack(b'{"op":"stop"}')))
            await self.ended()
        else:
            await asyncio.to_thread(self._process.end)
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line is open."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Some of an answer, or all of it."""
        if self.over:
            return
        try:
            self._read(data)
        except frames.FrameError as error:
            self.kill(f"sent what is not an answer: {error}")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """The process is gone, or about to be."""
        self._lose("")

    def _write(self, data: bytes) -> None:
        """Straight to the socket: the loop would write at the end of its turn only.

        Nothing else is on its way there: the answer to the last request has come.
        """
        try:
            sent = self._process.socket.send(data, socket.MSG_DONTWAIT)
        except OSError:  # no room now, or the worker is gone, which the loop finds out
            sent = 0
        if sent < len(data) and self._transport is not None:
            self._transport.write(memoryview(data)[sent:])

    def _read(self, data: bytes) -> None:
        if self._received:
            self._received += data
        # Mostly an answer comes whole, and is read where it lies.
        received: bytes | bytearray = self._received or data
        if self._announced is None and len(received) >= frames.PREFIX_BYTES:
            self._announced = frames.read_prefix(received[: frames.PREFIX_BYTES])
        end = frames.PREFIX_BYTES + (self._announced.body if self._announced else 0)
        if self._announced is None or len(received) < end:
            self._received = self._received or bytearray(data)
            return
        if len(received) > end or self._answered is None:
            raise frames.FrameError("more than was asked for")
        body = memoryview(received)[frames.PREFIX_BYTES :]
        header, buffers = frames.split(body, self._announced)
        answered, self._answered = self._answered, None
        self._received, self._announced = bytearray(), None
        answered(header, buffers)

    def _lose(self, why: str) -> None:
        if self.over:
            return
        self.over, self._why, self._answered = True, why, None
        if self._transport is not None:
            self._transport.abort()
        self._on_gone()
