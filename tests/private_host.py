"""One host on loopback with a password for each door: indexes, and a repository of git's.

Files only: an index is a folder of pages with hashes, a repository what `git update-server-info`
leaves. Whoever has not the password of a path's first part is refused.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Host:
    """It serves `folder`; `doors` has the (user, password) of each folder in it."""

    folder: Path
    port: int
    doors: Mapping[str, tuple[str, str]]

    def url(self, door: str, *, secret: bool = False, name: str = "127.0.0.1") -> str:
        user, password = self.doors[door]
        who = f"{user}:{password}@" if secret else ""
        return f"http://{who}{name}:{self.port}/{door}"


@contextmanager
def hosting(folder: Path, doors: Mapping[str, tuple[str, str]], port: int = 0) -> Iterator[Host]:
    """Serve `folder` until the block ends."""
    handler = functools.partial(_Guarded, doors=doors, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Host(folder, server.server_port, doors)
        finally:
            server.shutdown()


class _Guarded(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *given: object, doors: Mapping[str, tuple[str, str]], directory: Path):
        self.doors = doors
        super().__init__(*given, directory=str(directory))

    # One user of one host has one password, for uv: each door has a user of its own.
    def do_GET(self) -> None:
        user, password = self.doors.get(self.path.split("/")[1], ("", ""))
        wanted = base64.b64encode(f"{user}:{password}".encode()).decode()
        if self.headers.get("Authorization") == f"Basic {wanted}":
            super().do_GET()
            return
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="doors"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


def write_index(folder: Path, *files: Path) -> None:
    """An index (PEP 503) of `files`, named `name-version…`, in `folder`."""
    for file in files:
        page = folder / "simple" / file.name.split("-")[0] / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        (page.parent / file.name).write_bytes(file.read_bytes())
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        page.write_text(f'<a href="{file.name}#sha256={digest}">{file.name}</a>')
