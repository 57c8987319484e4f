"""buildah's side: the same image from a Dockerfile, as somebody writes one who knows uv well.

What changes least comes first; the gateway's packages and the model's each have a layer; uv and its
cache are mounted, not copied; nothing is compiled. The locks are copied before they are used:
buildah's cache does not look into what is mounted. The base has no shell: one is mounted, too,
which is quicker than a stage to install in and to copy from.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stand import REPOSITORY, Stand, real_python, run

from holdfast.uv import run_uv, uv_program

_DOCKERFILE = """\
FROM localhost/base
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_OFFLINE=1 UV_CACHE_DIR=/var/cache/uv
RUN --mount=type=bind,source=programs/sh,target=/bin/sh \\
    --mount=type=bind,source=programs/uv,target=/bin/uv \\
    --mount=type=bind,source=gateway,target=/gateway \\
    uv venv -q --python {python} /holdfast/gateway && \\
    uv pip install -q --no-deps --require-hashes --python /holdfast/gateway \\
        -r /gateway/gateway.txt && \\
    uv pip install -q --no-deps --python /holdfast/gateway /gateway/*.whl
COPY environment /build
RUN --mount=type=bind,source=programs/sh,target=/bin/sh \\
    --mount=type=bind,source=programs/uv,target=/bin/uv \\
    uv venv -q --python {python} /holdfast/environment && \\
    uv pip sync -q --require-hashes --python /holdfast/environment /build/pylock.toml
COPY model /holdfast/model
ENV HOLDFAST_MODEL=/holdfast/model
USER 65532:65532
ENTRYPOINT ["/holdfast/gateway/bin/holdfast"]
CMD ["serve", "--port", "8000"]
"""
_GATEWAY = REPOSITORY / "src" / "holdfast" / "image" / "inside" / "gateway.txt"


@dataclass(frozen=True, slots=True)
class Buildah:
    """buildah with a storage of its own, in which only the base is."""

    folder: Path
    cache: Path

    def _run(self, *arguments: str) -> str:
        places = ["--root", str(self.folder / "root"), "--runroot", str(self.folder / "run")]
        return run(["buildah", *places, "--storage-driver", "overlay", *arguments], cwd=self.folder)

    def take_base(self, layout: Path) -> None:
        """Have the base, as if it had been pulled."""
        self.folder.mkdir(parents=True)
        identity = self._run("pull", "-q", f"oci:{layout}").split()[-1]
        self._run("tag", identity, "localhost/base")

    def clear(self) -> None:
        """Throw its storage away; what it has mounted there has to go first."""
        if not self.folder.exists():
            return
        self._run("rm", "--all")
        while (overlay := self.folder / "root" / "overlay").is_mount():
            run(["umount", str(overlay)], cwd=self.folder)
        shutil.rmtree(self.folder)

    def build(self, context: Path, tag: str, mounts: Iterable[str] = ()) -> None:
        """Build an image; layers that are there already are used again.

        Args:
            context: The folder with the Dockerfile.
            tag: The image's.
            mounts: What commands of the Dockerfile see besides uv's cache, "/here:/there:ro".
        """
        volumes = [f"--volume={self.cache}:/var/cache/uv:rw", *(f"--volume={m}" for m in mounts)]
        self._run(
            "build", "-q", "--layers", "--isolation", "chroot", "--network", "host",
            "--pull-never", *volumes, "--tag", f"localhost/measured:{tag}", str(context),
        )  # fmt: skip

    def push(self, tag: str, reference: str) -> None:
        """Push it, compressed as Holdfast compresses."""
        self._run(
            "push", "-q", "--tls-verify=false", "--compression-format", "zstd",
            f"localhost/measured:{tag}", f"docker://{reference}",
        )  # fmt: skip

    def pack_base(self, root_files: Path, layout: Path) -> None:
        """Make an OCI layout of a root file system."""
        self.folder.mkdir(parents=True)
        container = self._run("from", "scratch").strip()
        self._run("add", "-q", container, str(root_files), "/")
        identity = self._run("commit", "-q", container).strip()
        self._run("push", "-q", "--compression-format", "zstd", identity, f"oci:{layout}")


def make_base(stand: Stand) -> None:
    """The base as a registry would hand it out, where it is not there yet."""
    if not stand.base.exists():
        buildah = Buildah(stand.folder / "making-base", stand.folder / "uv-cache")
        buildah.pack_base(stand.root_files, stand.base)
        buildah.clear()


def write_context(stand: Stand, model: Path, folder: Path) -> Path:
    """A Dockerfile and what it copies, for a sealed model, in `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "environment").mkdir(parents=True)
    (folder / "gateway").mkdir()
    (folder / "programs").mkdir()
    shutil.copy2(uv_program(), folder / "programs" / "uv")
    shutil.copy2(Path("/bin/sh").resolve(), folder / "programs" / "sh")
    shutil.copy2(_GATEWAY, folder / "gateway")
    shutil.copy2(stand.wheel, folder / "gateway")
    shutil.copytree(model, folder / "model")
    shutil.copy2(model / "pylock.toml", folder / "environment")
    if (wheels := model / "holdfast" / "wheels").exists():
        shutil.copytree(wheels, folder / "environment" / "holdfast" / "wheels")
    text = _DOCKERFILE.format(python=stand.python)
    (folder / "Dockerfile").write_text(text, encoding="utf-8")
    return folder


def warm(context: Path, cache: Path) -> None:
    """Have in uv's cache all that the Dockerfile installs; it fetches nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        run_uv(["venv", "-q", "--python", real_python(), scratch])
        install = ["-q", "--link-mode", "copy", "--python", scratch, "--cache-dir", str(cache)]
        for lock in (context / "gateway" / "gateway.txt", context / "environment" / "pylock.toml"):
            run_uv(["pip", "sync", *install, "--require-hashes", str(lock)])
