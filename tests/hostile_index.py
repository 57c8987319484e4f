"""An index on loopback that does what a test says: cuts, hangs, lies, asks who you are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


@dataclass
class Asked:
    """One request."""

    path: str
    headers: dict[str, str]


@dataclass
class HostileIndex:
    """Answers every path with `answer`; what was asked is in `asked`."""

    server: ThreadingHTTPServer
    answer: Answer
    asked: list[Asked] = field(default_factory=list)
    over: Event = field(default_factory=Event)

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def url(self, name: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/{name}"


@dataclass
class Answering:
    """What an answer is given: the request, how many came before, and where to write."""

    handler: BaseHTTPRequestHandler
    index: HostileIndex
    number: int

    @property
    def path(self) -> str:
        return self.handler.path

    @property
    def start(self) -> int:
        """Where the asked range begins; 0 where the whole file was asked for."""
        asked = self.handler.headers.get("Range", "bytes=0-")
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def head(self, status: int, **headers: object) -> None:
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), str(value))
        self.handler.end_headers()

    def send(self, body: bytes, **headers: object) -> None:
        """The file, or the asked rest of it."""
        start = self.start
        if start:
            headers["Content_Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        self.head(206 if start else 200, Content_Length=len(body) - start, **headers)
        self.handler.wfile.write(body[start:])

    def cut(self, body: bytes, after: int) -> None:
        """Promise all, send `after` bytes, and hang up."""
        self.head(200, Content_Length=len(body))
        self.handler.wfile.write(body[:after])
        self.handler.close_connection = True

    def hang(self, body: bytes, after: int) -> None:
        self.head(200, Content_Length=len(body))
        self.handler.wfile.write(body[:after])
        self.handler.wfile.flush()
        self.index.over.wait(60)


Answer = Callable[[Answering], None]


@contextmanager
def answering(answer: Answer) -> Iterator[HostileIndex]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            index.asked.append(Asked(self.path, dict(self.headers.items())))
            try:
                index.answer(Answering(self, index, len(index.asked) - 1))
            except OSError:  # the other side was not patient
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    index = HostileIndex(server, answer)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield index
    finally:
        index.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
