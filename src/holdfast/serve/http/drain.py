"""Stopping without losing a request: the order in which a server ends.

First it says so: `/ping` is 503 and every answer is its connection's last, while new connections
are still taken, for whoever sends requests here looks only now and then whether it should. Then
nobody listens any more; connections on which nothing happens are closed, after a moment in which
a request that was on its way arrives; and the last answers are waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import uvicorn

from holdfast.serve.http.connection import Connection
from holdfast.serve.http.traffic import Traffic

# Seconds for which connections are still taken, and for which those without a request stay open.
_LISTENING = 1.0
_RESTING = 1.0
_PAUSE = 0.02
# Ticks of uvicorn's, a tenth of a second each, between two looks at all connections.
_LOOK = 5


class Server(uvicorn.Server):
    """uvicorn's, but that it looks at its connections, and how it ends.

    Args:
        config: uvicorn's; `timeout_graceful_shutdown` is for how long answers are waited for.
        most: Connections at once.
        on_drain: Called when it begins to end.
    """

    def __init__(self, config: uvicorn.Config, most: int, on_drain: Callable[[], None]) -> None:
        super().__init__(config)
        self.traffic = Traffic(most)
        self.server_state = self.traffic
        self._on_drain = on_drain

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: they are server.py's."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Look at connections, and what time it is; true when the server is to end."""
        ends = await super().on_tick(counter)
        lines = self.traffic.default_headers
        self.traffic.head = b"".join(b"%b: %b\r\n" % line for line in lines)
        if counter % _LOOK == 0:
            self._look()
        return ends

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, in order; back when all connections are closed, or their time is over."""
        loop = asyncio.get_running_loop()
        end = loop.time() + (self.config.timeout_graceful_shutdown or 0)
        self.traffic.draining = True
        self._on_drain()
        for connection in self._connections:
            if connection.turn is not None:
                connection.turn.keep_alive = False
        await asyncio.sleep(min(_LISTENING, end - loop.time()))
        await self._stop_listening(sockets or [])
        rest_until = loop.time() + _RESTING
        while self.traffic.connections and loop.time() < end:
            if loop.time() > rest_until:
                self._close_resting()
            self._look()
            await asyncio.sleep(_PAUSE)

    @property
    def _connections(self) -> list[Connection]:
        return [cast("Connection", connection) for connection in self.traffic.connections]

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in self._connections:
            connection.look(now)

    def _close_resting(self) -> None:
        for connection in self._connections:
            if connection.resting:
                connection.transport.close()

    async def _stop_listening(self, sockets: Sequence[socket.socket]) -> None:
        """Close the sockets; whoever has connected until now is taken first."""
        duplicates = [sock.dup() for sock in sockets]
        for server in self.servers:
            server.close()
        for sock in sockets:
            sock.close()
        taken = [found for sock in duplicates for found in _accept_all(sock)]
        loop = asyncio.get_running_loop()
        for sock in taken:
            with contextlib.suppress(OSError):
                await loop.connect_accepted_socket(self._protocol, sock, ssl=self.config.ssl)

    def _protocol(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = make(
            config=self.config, server_state=self.traffic, app_state=self.lifespan.state
        )
        return protocol


def _accept_all(sock: socket.socket) -> list[socket.socket]:
    taken = []
    with sock, contextlib.suppress(OSError):
        sock.settimeout(0)
        while True:
            taken.append(sock.accept()[0])
    return taken
