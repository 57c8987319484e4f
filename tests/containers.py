"""Images run as others would run them: `bundles` unpacks them, runc runs them.

Where the machine does not let runc work, as inside most containers, a chroot with the image's user
and variables stands for it; it is not read-only.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from bundles import Unpacked, in_chroot, runc_works, settled
from kit import Ran, run
from serving import free_port, plain

PROGRAMS = ("skopeo", "umoci")
needs_programs = pytest.mark.skipif(
    not all(map(shutil.which, PROGRAMS)) or os.geteuid() != 0,
    reason=f"needs root and {', '.join(PROGRAMS)}",
)
_READY = 120.0
_ASK = """
import sys, time, urllib.request
port, path, body, seconds = sys.argv[1:]
headers = {"content-type": "application/json"}
until = time.monotonic() + float(seconds)
while True:
    try:
        url = f"http://127.0.0.1:{port}{path}"
        request = urllib.request.Request(url, body.encode() or None, headers)
        print(urllib.request.urlopen(request, timeout=30).read().decode(), end="")
        break
    except OSError as error:
        if getattr(error, "code", 503) != 503 or time.monotonic() > until:
            sys.exit(f"{error}: {error.read() if hasattr(error, 'read') else ''}")
        time.sleep(0.1)
"""


@dataclass(frozen=True)
class Container:
    """A running image."""

    name: str
    image: Unpacked
    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""

    @property
    def said(self) -> str:
        """The end of what it has written to stderr and stdout."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:]

    def execute(self, *command: str) -> Ran:
        """Run another program in it, as the image's user; runc only."""
        state = str(self.image.state)
        user = self.image.config["User"]
        args = ["runc", "--root", state, "exec", "--user", user, self.name, *command]
        return run(args, cwd=self.image.bundle)

    def ask(self, port: int, path: str, body: str = "", seconds: float = 60) -> str:
        """What it answers on its own loopback, once it does: a GET, or a POST of JSON."""
        ran = self.execute(self.image.python, "-c", _ASK, str(port), path, body, str(seconds))
        assert ran.code == 0, f"{ran}\n{self.said}"
        return ran.out

    def stop(self, seconds: float = 60) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)


def run_in(image: Unpacked, *command: str, **settings: Any) -> Ran:
    """Run `command` in an image to its end, as its entry point where that is a path.

    Args:
        image: The image.
        command: Arguments of its entry point, or another program by its absolute path.
        settings: As `settled` takes them.
    """
    with _prepared(image, command, **settings) as (program, name):
        del name
        return run(program, cwd=image.bundle)


@contextmanager
def running(image: Unpacked, *arguments: str, **settings: Any) -> Iterator[Container]:
    """An image that serves on a free port of this machine's loopback, from when it is ready.

    Args:
        image: The image.
        arguments: More of `serve`'s.
        settings: As `settled` takes them.
    """
    port = free_port()
    command = ("serve", "--host", "127.0.0.1", "--port", str(port), *arguments)
    with _started(image, command, **settings) as container:
        until = time.monotonic() + _READY
        while not _is_ready(f"http://127.0.0.1:{port}/ping"):
            assert container.process.poll() is None, container.said
            assert time.monotonic() < until, container.said
            time.sleep(0.05)
        yield replace(container, url=f"http://127.0.0.1:{port}")


def _is_ready(url: str) -> bool:
    try:
        return plain.get(url, timeout=5).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@contextmanager
def alone(image: Unpacked, *command: str, **settings: Any) -> Iterator[Container]:
    """An image with a network of its own, which only what is executed in it reaches.

    Args:
        image: The image.
        command: Arguments of its entry point; none: its own.
        settings: As `settled` takes them.
    """
    with _started(image, command, own_network=True, **settings) as container:
        yield container


@contextmanager
def _started(image: Unpacked, command: tuple[str, ...], **settings: Any) -> Iterator[Container]:
    with _prepared(image, command, **settings) as (program, name):
        log = image.bundle / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                program, cwd=image.bundle, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        container = Container(name, image, process, log)
        try:
            while runc_works(image) and not _is_there(container):
                assert process.poll() is None, container.said
                time.sleep(0.01)
            yield container
        finally:
            _end(container)


def _is_there(container: Container) -> bool:
    command = ["runc", "--root", str(container.image.state), "state", container.name]
    ran = run(command, cwd=container.image.bundle)
    return ran.code == 0 and json.loads(ran.out)["status"] == "running"


def _end(container: Container) -> None:
    process = container.process
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        # runc cannot hand this one on: the container has to be told.
        run(
            ["runc", "--root", str(container.image.state), "kill", container.name, "KILL"],
            cwd=container.image.bundle,
        )
        process.kill()
        process.wait()


@contextmanager
def _prepared(
    image: Unpacked, command: tuple[str, ...], **settings: Any
) -> Iterator[tuple[list[str], str]]:
    """What runs `command` in an image, and the name of what runs."""
    if not command:
        command = (*image.config["Entrypoint"], *image.config["Cmd"])
    elif not command[0].startswith("/"):
        command = (*image.config["Entrypoint"], *command)
    name = f"holdfast-{uuid.uuid4().hex[:12]}"
    if not runc_works(image):
        yield in_chroot(image, command, settings.get("env", {})), name
        return
    with tempfile.TemporaryDirectory(dir=image.bundle) as folder:
        bundle = Path(folder)
        config = settled(image, command, **settings)
        (bundle / "config.json").write_text(json.dumps(config), encoding="utf-8")
        yield ["runc", "--root", str(image.state), "run", "--bundle", str(bundle), name], name
