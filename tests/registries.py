"""Real image registries for tests, a token server, and a middle that spoils what they say.

The registry is `docker-registry`; a test that needs it is marked `needs_registry`.
"""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from indexes import free_port

USER, PASSWORD = "ada", "s3cret-of-ada"
# Of PASSWORD, by bcrypt, which is all that the registry knows; at the least cost there is.
_HASHED = "$2y$04$Rk9Gs0J.HjXkEcyrhH9ozug0q0ZLiYIu7RMOfqrj2CE5sph/d.zDO"

_PROGRAM = shutil.which("docker-registry") or ""
needs_registry = pytest.mark.skipif(not _PROGRAM, reason="docker-registry is not installed")


@dataclass(frozen=True)
class Registry:
    """A registry that answers on this machine's loopback."""

    port: int

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def serving(
    folder: Path, auth: dict[str, object] | None = None, tls: dict[str, str] | None = None
) -> Iterator[Registry]:
    """A registry that keeps its images in `folder`; `auth` and `tls` as its configuration."""
    folder.mkdir(parents=True)
    registry = Registry(free_port())
    config = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        # With TLS it is reached by the machine's name, which need not lead to loopback.
        "http": {"addr": f":{registry.port}", "tls": tls} if tls else {"addr": registry.host},
        **({"auth": auth} if auth else {}),
    }
    (folder / "config.yml").write_text(yaml.safe_dump(config))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [_PROGRAM, "serve", str(folder / "config.yml")], stdout=log, stderr=log
        )
        try:
            _await(registry.port, folder / "log")
            yield registry
        finally:
            server.terminate()
            server.wait()


def with_password(folder: Path) -> dict[str, object]:
    """The `auth` of a registry that only USER may use, with PASSWORD."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "htpasswd").write_text(f"{USER}:{_HASHED}\n")
    return {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}


def _await(port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


@dataclass
class Exchange:
    """A request, and the answer that the middle is about to give.

    Attributes:
        method: Of the request.
        path: Of the request, with its query.
        sent: The request's headers.
        body_bytes: How long its body was.
        status: Of the answer; 0 to say nothing at all.
        headers: Of the answer.
        body: Of the answer.
        cut_at: Break the line after so many bytes of the body.
        pause: Seconds to wait before each byte of the body, or before saying nothing.
    """

    method: str
    path: str
    sent: dict[str, str]
    body_bytes: int
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut_at: int | None = None
    pause: float = 0.0


Spoil = Callable[[Exchange], None]


@dataclass
class Middle:
    """What stands between us and a registry.

    Attributes:
        port: Where it listens.
        seen: Every exchange, in order.
        spoil: Called with each, to change it.
    """

    port: int
    seen: list[Exchange] = field(default_factory=list)
    spoil: Spoil = lambda _: None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def asked(self, method: str, part: str = "") -> list[Exchange]:
        return [one for one in self.seen if one.method == method and part in one.path]


@contextmanager
def between(port: int) -> Iterator[Middle]:
    """A middle before the registry at `port`; with 0, before nothing: `spoil` says it all."""
    middle = Middle(0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            exchange = Exchange(self.command, self.path, dict(self.headers), len(body))
            if port:
                _forward(exchange, port, body)
            middle.seen.append(exchange)
            middle.spoil(exchange)
            with suppress(ConnectionError):
                _say(self, exchange)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    middle.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield middle
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _forward(exchange: Exchange, port: int, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(exchange.method, exchange.path, body, exchange.sent)
        answer = connection.getresponse()
        exchange.status, exchange.headers = answer.status, dict(answer.getheaders())
        exchange.body = answer.read()
    finally:
        connection.close()


def _say(handler: BaseHTTPRequestHandler, exchange: Exchange) -> None:
    if not exchange.status:
        time.sleep(exchange.pause)
        handler.close_connection = True
        return
    handler.send_response(exchange.status)
    if exchange.method != "HEAD":
        exchange.headers.setdefault("Content-Length", str(len(exchange.body)))
    for name, value in exchange.headers.items():
        if name.lower() not in {"date", "server", "connection", "transfer-encoding"}:
            handler.send_header(name, value)
    handler.end_headers()
    if exchange.method == "HEAD":
        return
    body = exchange.body[: exchange.cut_at]
    step = 1 if exchange.pause else max(1, len(body))
    for start in range(0, len(body), step):
        time.sleep(exchange.pause)
        handler.wfile.write(body[start : start + step])
        handler.wfile.flush()
    if exchange.cut_at is not None:
        handler.close_connection = True


def say(exchange: Exchange, status: int, body: object = b"", **headers: str) -> None:
    """Answer something else; what is no bytes becomes JSON, and `_` in a header's name `-`."""
    exchange.status = status
    exchange.body = body if isinstance(body, bytes) else json.dumps(body).encode()
    exchange.headers = {name.replace("_", "-"): value for name, value in headers.items()}
