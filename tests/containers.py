"""Images run as others would run them: skopeo and umoci unpack them, runc runs them.

Nothing of Holdfast's reads the image here. Where the machine does not let runc work, as inside most
containers, a chroot with the image's user and variables stands for it; it is not read-only.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from kit import Ran, run
from serving import free_port

PROGRAMS = ("skopeo", "umoci", "runc")
needs_programs = pytest.mark.skipif(
    not all(map(shutil.which, PROGRAMS)) or os.geteuid() != 0,
    reason=f"needs root and {', '.join(PROGRAMS)}",
)
_READY = 120.0
_TMP = "/tmp"  # noqa: S108 - the image's


@dataclass(frozen=True)
class Unpacked:
    """An image's files and settings: a bundle as umoci makes it, with runc's settings of ours.

    Attributes:
        bundle: The folder with `config.json` and `rootfs`.
        config: The image's own settings ("Entrypoint", "Cmd", "Env", "User"…).
    """

    bundle: Path
    config: Mapping[str, Any]

    @property
    def files(self) -> Path:
        """The root of the image's files."""
        return self.bundle / "rootfs"

    @property
    def state(self) -> Path:
        """Where runc keeps what runs."""
        return self.bundle / "state"

    @property
    def python(self) -> str:
        """The gateway's Python, as a path in the image."""
        return str(Path(self.config["Entrypoint"][0]).with_name("python"))


@dataclass(frozen=True)
class Container:
    """A running image."""

    name: str
    image: Unpacked
    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        """What it has written to stderr and stdout."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def execute(self, *command: str) -> Ran:
        """Run another program in it; runc only."""
        state = str(self.image.state)
        # As the image's own process: runc's default is root.
        user = self.image.config["User"]
        args = ["runc", "--root", state, "exec", "--user", user, self.name, *command]
        return run(args, cwd=self.image.bundle)

    def stop(self, seconds: float = 60) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)


def unpack(image: Path, bundle: Path, architecture: str = "amd64") -> Unpacked:
    """The files of an image for `architecture`: of an OCI layout, or an archive of one.

    umoci knows no zstd: skopeo, which checks every digest, makes gzip of it, quickly.
    """
    kind = "oci" if image.is_dir() else "oci-archive"
    with tempfile.TemporaryDirectory(dir=bundle.parent) as folder:
        plain = f"oci:{folder}/layout:image"
        skopeo(
            "--override-arch", architecture, "copy", "--quiet", "--dest-compress-format", "gzip",
            "--dest-compress-level", "1", f"{kind}:{image}", plain,
        )  # fmt: skip
        settings = json.loads(skopeo("inspect", "--config", plain))
        umoci = ["umoci", "unpack", "--image", f"{folder}/layout:image", str(bundle)]
        ran = run(umoci, cwd=bundle.parent)
        assert ran.code == 0, ran
    shutil.copy2(bundle / "config.json", bundle / "umoci.json")
    return Unpacked(bundle, settings["config"])


def skopeo(*arguments: str) -> str:
    """What skopeo says; it trusts whom it is told to read, and has to succeed."""
    ran = run(["skopeo", "--insecure-policy", *arguments], cwd=Path("/"))
    assert ran.code == 0, ran
    return ran.out


def run_in(image: Unpacked, *command: str, **settings: Any) -> Ran:
    """Run `command` in an image to its end, as its entry point where that is a path.

    Args:
        image: The image.
        command: Arguments of its entry point, or another program by its absolute path.
        settings: As `_settle` takes them.
    """
    with _prepared(image, command, **settings) as (program, name):
        del name
        return run(program, cwd=image.bundle)


@contextmanager
def running(
    image: Unpacked, *arguments: str, own_network: bool = False, **settings: Any
) -> Iterator[Container]:
    """An image that serves on a free port of this machine's loopback, from when it is ready.

    Args:
        image: The image.
        arguments: More of `serve`'s.
        own_network: Run it with its default command in a network of its own, which only
            `execute` reaches; nobody waits until it is ready.
        settings: As `_settle` takes them.
    """
    port = free_port()
    command = () if own_network else ("serve", "--host", "127.0.0.1", "--port", str(port))
    with _prepared(
        image, (*command, *arguments), own_network=own_network, **settings
    ) as (program, name):  # fmt: skip
        log = image.bundle / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                program, cwd=image.bundle, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        container = Container(name, image, f"http://127.0.0.1:{port}", process, log)
        try:
            if not own_network:
                _wait_ready(container)
            yield container
        finally:
            _end(container)


def _wait_ready(container: Container) -> None:
    until = time.monotonic() + _READY
    while time.monotonic() < until:
        assert container.process.poll() is None, container.said
        try:
            if httpx.get(f"{container.url}/ping", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"not ready in {_READY:.0f} s: {container.said}")


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
        yield _chroot(image, command, settings.get("env", {})), name
        return
    with tempfile.TemporaryDirectory(dir=image.bundle) as folder:
        bundle = Path(folder)
        config = _settle(image, command, **settings)
        (bundle / "config.json").write_text(json.dumps(config), encoding="utf-8")
        yield ["runc", "--root", str(image.state), "run", "--bundle", str(bundle), name], name


def _settle(
    image: Unpacked,
    command: tuple[str, ...],
    *,
    user: str = "",
    env: Mapping[str, str] | None = None,
    read_only: bool = True,
    writable_tmp: bool = True,
    own_network: bool = False,
) -> dict[str, Any]:
    """runc's settings for a container that may do as little as can be.

    Args:
        image: The image.
        command: The program and its arguments.
        user: "1000:0"; empty: the image's own.
        env: Variables beside the image's.
        read_only: Whether its root is.
        writable_tmp: Whether a file system in memory is mounted on /tmp.
        own_network: Whether its network is its own, and not the machine's.
    """
    config: dict[str, Any] = json.loads((image.bundle / "umoci.json").read_text(encoding="utf-8"))
    process = config["process"]
    process["terminal"] = False
    process["args"] = list(command)
    process["env"] += [f"{name}={value}" for name, value in (env or {}).items()]
    process["capabilities"] = {kind: [] for kind in process["capabilities"]}
    if user:
        uid, _, gid = user.partition(":")
        process["user"] = {"uid": int(uid), "gid": int(gid)}
    config["root"] = {"path": str(image.files), "readonly": read_only}
    config["mounts"] = [one for one in config["mounts"] if "cgroup" not in one["type"]]
    if writable_tmp:
        options = ["nosuid", "nodev", "mode=1777"]
        config["mounts"] += [
            {"destination": _TMP, "type": "tmpfs", "source": "tmpfs", "options": options}
        ]
    if not own_network:
        spaces = config["linux"]["namespaces"]
        config["linux"]["namespaces"] = [one for one in spaces if one["type"] != "network"]
    return config


@cache
def _runc_works(bundle: Path) -> bool:
    with tempfile.TemporaryDirectory(dir=bundle) as folder:
        config = json.loads((bundle / "umoci.json").read_text(encoding="utf-8"))
        # Nothing is expected of the image: a program that is not there is found missing last.
        config["process"] |= {"terminal": False, "args": ["/there-is-no-such-program"]}
        config["root"] = {"path": str(bundle / "rootfs"), "readonly": True}
        config["mounts"] = [one for one in config["mounts"] if "cgroup" not in one["type"]]
        Path(folder, "config.json").write_text(json.dumps(config), encoding="utf-8")
        name = f"holdfast-{uuid.uuid4().hex[:12]}"
        command = ["runc", "--root", f"{folder}/state", "run", "--bundle", folder, name]
        return "there-is-no-such-program" in run(command, cwd=bundle).err


def runc_works(image: Unpacked) -> bool:
    """Whether this machine lets runc run containers."""
    return _runc_works(image.bundle)


def _chroot(image: Unpacked, command: tuple[str, ...], env: Mapping[str, str]) -> list[str]:
    """The same without namespaces: its user, its variables, its files, and two devices."""
    for name, minor in (("null", 3), ("urandom", 9)):
        device = image.files / "dev" / name
        if not device.exists():
            device.parent.mkdir(exist_ok=True)
            os.mknod(device, 0o020666, os.makedev(1, minor))
            device.chmod(0o666)
    process = json.loads((image.bundle / "umoci.json").read_text(encoding="utf-8"))["process"]
    user = f"{process['user']['uid']}:{process['user']['gid']}"
    variables = [*process["env"], *(f"{name}={value}" for name, value in env.items())]
    outside = ["env", "-i", *variables, "chroot", f"--userspec={user}", "--groups="]
    return [*outside, str(image.files), *command]
