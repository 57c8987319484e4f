"""Indexes of packages on loopback, with and without a password, and small wheels to put there."""

from __future__ import annotations

import base64
import hashlib
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from passlib.apache import HtpasswdFile

USER, PASSWORD = "ada", "s3cret-of-ada"


@dataclass(frozen=True)
class Index:
    """An index that answers; its wheels lie in `folder`."""

    folder: Path
    port: int
    user: str = ""
    password: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/simple/"

    @property
    def url_with_password(self) -> str:
        return f"http://{self.user}:{self.password}@127.0.0.1:{self.port}/simple/"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(folder: Path, *, user: str = "", password: str = "", port: int = 0) -> Iterator[Index]:
    """Serve the wheels in `folder`; with a user, only to whoever has the password."""
    folder.mkdir(parents=True, exist_ok=True)
    index = Index(folder, port or free_port(), user, password)
    options = ["-a", ".", "-P", "."]
    if user:
        passwords = HtpasswdFile(str(folder.parent / f"{folder.name}.htpasswd"), new=True)
        passwords.set_password(user, password)
        passwords.save()
        options = ["-a", "update,download,list", "-P", str(passwords.path)]
    server = subprocess.Popen(
        [str(Path(sys.executable).with_name("pypi-server")), "run", "-p", str(index.port),
         "-i", "127.0.0.1", "--disable-fallback", *options, str(folder)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _await(index.port)
        yield index
    finally:
        server.terminate()
        server.wait()


def _await(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline, "the index does not answer"
        time.sleep(0.05)


def make_wheel(
    folder: Path,
    files: Mapping[str, str],
    *,
    name: str = "mine",
    version: str = "1.0",
    requires: Iterable[str] = (),
    extras: Iterable[str] = (),
) -> Path:
    """A wheel as a build backend makes it: honest, whatever the files are called."""
    needs = [f"Provides-Extra: {extra}\n" for extra in extras]
    needs += [f"Requires-Dist: {one}\n" for one in requires]
    info = f"{name}-{version}.dist-info"
    contents = {
        **files,
        f"{info}/METADATA": "".join(
            [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", *needs]
        ),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{n},{_digest(c.encode())},{len(c.encode())}" for n, c in contents.items()]
    contents[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in contents.items():
            archive.writestr(entry, content)
    return path


def _digest(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    return f"sha256={digest}"
