"""An image's files as a folder, made from the entries of its layers, and entered as it would be.

No layer, archive or container program is between: what stands in an image is tried by itself.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from holdfast.image.layers.contents import read_stored
from holdfast.image.values import Entry, Stored
from kit import Ran, run
from serving import free_port, plain

# A read-only root, with what every container has besides: devices, processes, and room in memory.
_ENTER = """
set -e
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount --rbind /dev "$1/dev"
mount --rbind /proc "$1/proc"
[ "$2" = no ] || mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
root=$1 user=$3
shift 3
exec chroot --userspec="$user" --groups="" "$root" "$@"
"""
_READY = 120.0


def _may_mount() -> bool:
    return (
        os.geteuid() == 0
        and bool(shutil.which("unshare"))
        and run(["unshare", "--mount", "true"], cwd=Path("/")).code == 0
    )


needs_mounts = pytest.mark.skipif(not _may_mount(), reason="needs root, and mounts of its own")


@dataclass(frozen=True)
class Root:
    """The files of an image, and how it is run.

    Attributes:
        folder: Its root.
        config: "Entrypoint", "Cmd", "Env", "User".
    """

    folder: Path
    config: Mapping[str, object] = field(default_factory=dict)

    def lay(self, entries: Iterable[Entry]) -> None:
        """Put entries on top of what is there: root's, at the beginning of time."""
        for entry in entries:
            path = self.folder / entry.path
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            if entry.link:
                path.unlink(missing_ok=True)
                path.symlink_to(entry.link)
            elif entry.content is None:
                path.mkdir(mode=0o755, exist_ok=True)
            else:
                path.write_bytes(_bytes(entry.content))
                path.chmod(0o755 if entry.executable else 0o644)
                os.utime(path, (0, 0))

    def run(self, *arguments: str, user: str = "", tmp: bool = True, **env: str) -> Ran:
        """Run the image with these arguments, to its end; "/…" is another program."""
        command = self._command(arguments, user=user, tmp=tmp)
        return run(command, cwd=Path("/"), env=self._variables(env))

    @contextmanager
    def serving(self, port_in: str, *, tmp: bool = True) -> Iterator[str]:
        """The URL of the image as it serves on a free port, which a variable names."""
        port = free_port()
        command = self._command(("serve",), user="", tmp=tmp)
        variables = {"HOLDFAST_SERVE_HOST": "127.0.0.1", port_in: str(port)}
        process = subprocess.Popen(
            command, env=self._variables(variables), stderr=subprocess.PIPE, text=True
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_ready(url, process)
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
        assert process.returncode == 0

    def _command(self, arguments: tuple[str, ...], *, user: str, tmp: bool) -> list[str]:
        if not arguments[0].startswith("/"):
            arguments = (*self.config["Entrypoint"], *arguments)  # type: ignore[misc]
        user = user or str(self.config["User"])
        into = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "enter"]
        return [*into, str(self.folder), "yes" if tmp else "no", user, *arguments]

    def _variables(self, env: Mapping[str, str]) -> dict[str, str]:
        named = dict(text.split("=", 1) for text in self.config["Env"])  # type: ignore[attr-defined]
        # `chroot` and `sh` are looked for on it, too.
        return {**named, "PATH": f"{named['PATH']}:/usr/sbin:/usr/bin:/sbin:/bin", **env}


def unpacked(base: Path, folder: Path) -> Path:
    """A base's tar as a folder of root's."""
    folder.mkdir(mode=0o755)
    with tarfile.open(base) as tar:
        tar.extractall(folder, filter="fully_trusted")  # noqa: S202 - the test's own
    return folder


def _bytes(content: bytes | Path | Stored) -> bytes:
    if isinstance(content, Stored):
        return read_stored(content)
    return content if isinstance(content, bytes) else content.read_bytes()


def _wait_ready(url: str, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + _READY
    while time.monotonic() < until:
        assert process.poll() is None, process.stderr and process.stderr.read()
        try:
            if plain.get(f"{url}/ping", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{url} is not ready in {_READY:.0f} s")
