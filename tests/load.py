"""Load on a server in which every request is counted and every answer is looked at.

    with Load(server.url, [plain(x) for x in range(1000)], connections=16) as load:
        …                          # something happens to the server
    assert load.seen.only(200), load.seen

Each connection sends one request after the other, kept alive as long as the server allows, and
opens another one where it was closed between two requests. Loopback only.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

# Statuses that an answer to this request may have, whatever it says.
Expected = tuple[int, ...]
Check = Callable[[int, Any], bool]


@dataclass(frozen=True)
class Ask:
    """A request: its body, and whether an answer's status and JSON are right."""

    body: bytes
    right: Check
    path: str = "/invocations"
    content_type: str = "application/json"

    def head(self, host: str) -> bytes:
        return (
            f"POST {self.path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {self.content_type}\r\n"
            f"content-length: {len(self.body)}\r\n\r\n"
        ).encode()


def temper(x: float, path: str = "/invocations", statuses: Expected = (200,)) -> Ask:
    """A row for the model `temper`: doubled where it is answered with 200."""
    body = json.dumps({"dataframe_split": {"columns": ["x"], "data": [[x]]}}).encode()

    def right(status: int, said: Any) -> bool:
        if status == 200:
            return 200 in statuses and said == {"predictions": [{"x": 2 * x}]}
        return status in statuses and "error_code" in said

    return Ask(body, right, path)


@dataclass
class Seen:
    """What became of every request.

    Attributes:
        answers: Answers by status.
        wrong: Requests with an answer that is not theirs: the body, the status, the answer.
        lost: Requests that were sent on an open connection and not answered: why.
        refused: Connections that nobody took; no request was sent.
        closes: Answers that said `connection: close`.
        slowest: Seconds that the slowest answer took.
    """

    answers: Counter[int] = field(default_factory=Counter)
    wrong: list[tuple[bytes, int, bytes]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    refused: int = 0
    closes: int = 0
    slowest: float = 0.0

    def only(self, *statuses: int) -> bool:
        """Whether all requests were answered, rightly, and with no other status than these."""
        return (
            not self.wrong
            and not self.lost
            and self.answers.total() > 0
            and set(self.answers) <= set(statuses)
        )

    def __str__(self) -> str:
        return (
            f"answers {dict(self.answers)}, refused {self.refused}, closes {self.closes}, slowest "
            f"{self.slowest:.2f} s, wrong {len(self.wrong)}: {self.wrong[:3]}, "
            f"lost {len(self.lost)}: {self.lost[:5]}"
        )


class Load:
    """Requests from `connections` clients at once, in a thread, until the block is left.

    Args:
        url: The server.
        asks: Requests, sent round and round.
        connections: Clients at once.
        once: Send each request once, and end.
        pause: Seconds between two requests of a client.
        timeout: Seconds that an answer may take before it counts as lost.
    """

    def __init__(
        self,
        url: str,
        asks: Sequence[Ask],
        *,
        connections: int = 16,
        once: bool = False,
        pause: float = 0.0,
        timeout: float = 90.0,
    ) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._asks = iter(asks) if once else itertools.cycle(asks)
        self._connections = connections
        self._pause = pause
        self._timeout = timeout
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.seen = Seen()

    def __enter__(self) -> Load:  # noqa: PYI034 - typing.Self is 3.11
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> Seen:
        """Send nothing more, and wait for the answers that are due."""
        self._stop.set()
        return self.wait()

    def wait(self) -> Seen:
        """Until all requests are answered, where each is sent `once`."""
        self._thread.join(self._timeout + 30)
        assert not self._thread.is_alive(), "the load does not end"
        return self.seen

    def wait_for(self, answers: int, seconds: float = 60) -> None:
        """Until so many more requests have been answered."""
        wanted = self.seen.answers.total() + answers
        until = time.monotonic() + seconds
        while self.seen.answers.total() < wanted:
            assert time.monotonic() < until, f"no {answers} answers in {seconds} s: {self.seen}"
            time.sleep(0.01)

    async def _run(self) -> None:
        await asyncio.gather(*(self._client() for _ in range(self._connections)))

    async def _client(self) -> None:
        line: _Line | None = None
        while not self._stop.is_set():
            if line is None or line.over:
                try:
                    line = _Line(*await asyncio.open_connection(self._host, self._port))
                except OSError:
                    self.seen.refused += 1
                    await asyncio.sleep(0.05)
                    continue
            ask = next(self._asks, None)
            if ask is None:
                break
            await self._exchange(line, ask)
            if self._pause:
                await asyncio.sleep(self._pause)
        if line is not None:
            line.close()

    async def _exchange(self, line: _Line, ask: Ask) -> None:
        start = time.monotonic()
        try:
            request = ask.head(self._host) + ask.body
            status, body = await asyncio.wait_for(line.ask(request), self._timeout)
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            line.close()
            self.seen.lost.append(f"{error!r} after {time.monotonic() - start:.2f} s")
            return
        self.seen.slowest = max(self.seen.slowest, time.monotonic() - start)
        self.seen.closes += line.over
        try:
            right = ask.right(status, json.loads(body))
        except ValueError:
            right = False
        if not right:
            self.seen.wrong.append((ask.body[:200], status, body[:200]))
        # Last, so that who waits for answers finds all that was seen.
        self.seen.answers[status] += 1


class _Line:
    """One connection. `over` when the server will not take another request on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._closed = False

    @property
    def over(self) -> bool:
        return self._closed or self._reader.at_eof() or self._reader.exception() is not None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self._reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return int(head[0].split(" ")[1]), body

    def close(self) -> None:
        self._closed = True
        self._writer.close()
