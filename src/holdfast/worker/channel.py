"""A worker's line for an event loop: one exchange at a time, and word when the process is gone.

The parent's side. It takes over a worker that was started and loaded by `client.py`; from then on
nobody blocks on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from holdfast.worker import frames
from holdfast.worker.client import Buffers, Header, Worker
from holdfast.worker.process import Process, why_ended

Answered = Callable[[Header, list[memoryview]], None]
# Seconds that a worker told to stop has for what the model does at exit.
_GRACE = 3.0


class Channel(asyncio.Protocol):
    """The line to one worker. `send` a request, have its answer by callback, then the next.

    Args:
        process: The worker's process.
        on_gone: Called once, with the reason in words, when the process is gone or has sent what
            is not an answer; not after `close`.
    """

    def __init__(self, process: Process, on_gone: Callable[[str], None]) -> None:
        self._process = process
        self._on_gone = on_gone
        self._transport: asyncio.Transport | None = None
        self._answered: Answered | None = None
        self._received = bytearray()
        self._announced: frames.Announced | None = None
        self._closed = False

    @classmethod
    async def open(cls, worker: Worker, on_gone: Callable[[str], None]) -> Channel:
        """Take over the line of `worker`, which nobody else may use from now on."""
        process = worker.hand_over()
        loop = asyncio.get_running_loop()
        channel = cls(process, on_gone)
        await loop.create_connection(lambda: channel, sock=process.socket.dup())
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
        self._transport.write(b"".join(frames.pack(header, buffers)))

    def last_lines(self) -> str:
        """The end of what the process wrote, without credentials."""
        return self._process.last_lines()

    def kill(self) -> None:
        """End the process now; its answer is not heard, and `on_gone` is called as ever."""
        self._answered = None
        self._process.kill()
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Let the process end by itself, or else end it; `on_gone` is not called."""
        self._closed = True
        if self._transport is not None and self._answered is None:
            self._transport.writelines(frames.pack(b'{"op":"stop"}'))
            await self._over(_GRACE)
        await self._end()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line is open."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Some of an answer, or all of it."""
        try:
            self._read(data)
        except frames.FrameError as error:
            self._fail(f"sent what is not an answer: {error}")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """The process is gone, or about to be."""
        if not self._closed:
            self._fail("")

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

    def _fail(self, why: str) -> None:
        self._closed = True
        self._process.kill()
        asyncio.get_running_loop().create_task(self._report(why))

    async def _report(self, why: str) -> None:
        await self._over(_GRACE)
        lines = self._process.last_lines()
        status = await self._end()
        told = why or why_ended(status)
        self._on_gone(f"{told}\n\n{lines}" if lines else told)

    async def _over(self, seconds: float) -> None:
        """Until the process is over, or `seconds` are."""
        await asyncio.to_thread(self._process.wait, seconds)

    async def _end(self) -> int | None:
        if self._transport is not None:
            self._transport.abort()
        return await asyncio.to_thread(self._process.end)
