"""An image's files on disk, by skopeo and umoci, and how runc is to run them.

Nothing of Holdfast's reads the image here.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from kit import run

_TMP = "/tmp"  # noqa: S108 - the image's


@dataclass(frozen=True)
class Unpacked:
    """An image's files and settings: a bundle as umoci makes it, with runc's settings of ours.

    Attributes:
        bundle: The folder with `umoci.json`, `image.json` and `rootfs`.
    """

    bundle: Path

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """The image's own settings ("Entrypoint", "Cmd", "Env", "User"…)."""
        image = json.loads((self.bundle / "image.json").read_text(encoding="utf-8"))
        settings: Mapping[str, Any] = image["config"]
        return settings

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


def unpack(
    image: Path, bundle: Path, *, tag: str = "latest", architecture: str = "amd64"
) -> Unpacked:
    """The files of an image for `architecture`, by its tag in an OCI layout or an archive of one.

    skopeo, which checks every digest, undoes the compression: umoci knows no zstd.
    """
    kind = "oci" if image.is_dir() else "oci-archive"
    with tempfile.TemporaryDirectory(dir=bundle.parent) as name:
        folder = Path(name)
        skopeo(
            "--override-arch", architecture, "copy", "--quiet", "--dest-decompress",
            f"{kind}:{image}:{tag}", f"dir:{folder / 'plain'}",
        )  # fmt: skip
        config = _as_layout(folder / "plain", folder / "layout")
        umoci = ["umoci", "unpack", "--image", f"{folder / 'layout'}:image", str(bundle)]
        ran = run(umoci, cwd=bundle.parent)
        assert ran.code == 0, ran
        shutil.copy2(config, bundle / "image.json")
    (bundle / "config.json").rename(bundle / "umoci.json")
    return Unpacked(bundle)


def _as_layout(plain: Path, layout: Path) -> Path:
    """An OCI layout of what skopeo calls a directory; its config's file."""
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for path in plain.iterdir():
        if path.name not in {"manifest.json", "version"}:
            path.rename(blobs / path.name)
    text = (plain / "manifest.json").read_bytes()
    manifest = json.loads(text)
    digest = hashlib.sha256(text).hexdigest()
    (blobs / digest).write_bytes(text)
    descriptor = {
        "mediaType": manifest["mediaType"],
        "digest": f"sha256:{digest}",
        "size": len(text),
        "annotations": {"org.opencontainers.image.ref.name": "image"},
    }
    index = {"schemaVersion": 2, "manifests": [descriptor]}
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return blobs / manifest["config"]["digest"].removeprefix("sha256:")


def skopeo(*arguments: str) -> str:
    """What skopeo says; it trusts whom it is told to read, and has to succeed."""
    ran = run(["skopeo", "--insecure-policy", *arguments], cwd=Path("/"))
    assert ran.code == 0, ran
    return ran.out


def settled(
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
    return bool(shutil.which("runc")) and _runc_works(image.bundle)


def in_chroot(image: Unpacked, command: tuple[str, ...], env: Mapping[str, str]) -> list[str]:
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
