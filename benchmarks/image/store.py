"""A real registry, started to be pushed to; what lies in it is weighed on its disk."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SETTINGS = """
version: 0.1
log: {{accesslog: {{disabled: true}}, level: error}}
storage:
  filesystem: {{rootdirectory: {folder}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry that answers on loopback."""

    folder: Path
    port: int

    def reference(self, tag: str) -> str:
        """An image's name there."""
        return f"127.0.0.1:{self.port}/measured:{tag}"

    def size(self) -> int:
        """Bytes of all blobs and manifests that it holds."""
        blobs = self.folder.rglob("blobs/sha256/*/*/data")
        return sum(path.stat().st_size for path in blobs)


@contextmanager
def registry() -> Iterator[Registry]:
    """An empty one."""
    with tempfile.TemporaryDirectory() as name:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        it = Registry(Path(name, "blobs"), port)
        settings = Path(name, "settings.yml")
        settings.write_text(_SETTINGS.format(folder=it.folder, port=port), encoding="utf-8")
        log = Path(name, "log")
        with log.open("wb") as out:
            program = shutil.which("docker-registry") or sys.exit("docker-registry is not here")
            process = subprocess.Popen([program, "serve", str(settings)], stdout=out, stderr=out)
        try:
            _wait(process, port, log)
            yield it
        finally:
            process.terminate()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            sys.exit(log.read_text(encoding="utf-8"))
        time.sleep(0.02)
    sys.exit("the registry does not answer")
