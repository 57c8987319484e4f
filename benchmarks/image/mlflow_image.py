"""How large MLflow's own image of the same model is: its generated Dockerfile, built by buildah.

    uv run python benchmarks/image/mlflow_image.py [--project larger] [--scratch FOLDER]

The Dockerfile is what `mlflow models generate-dockerfile` writes, but for its base: Debian's
smallest with its Python and pip, made here by mmdebstrap, in the place of a registry's
"python:3.11-slim". It fetches from Debian and from pip's index. Holdfast's image stands on the base
of `compare.py`. Both are weighed as a registry keeps them (zstd) and unpacked (layers as tar).
Needs root, Debian, buildah, docker-registry, mmdebstrap and skopeo.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path

from buildah import Buildah, make_base
from ours import Ours
from stand import PROJECTS, Stand, make_stand, run
from store import registry

_PACKAGES = "ca-certificates,python-is-python3,python3-pip"
# As Debian asks of whoever installs beside its own packages (PEP 668).
_PREAMBLE = "FROM localhost/base\nENV PIP_BREAK_SYSTEM_PACKAGES=1 PIP_NO_CACHE_DIR=1"


def debian(folder: Path) -> Path:
    """A root file system tar of the release that this machine has."""
    tar = folder / "debian.tar"
    if not tar.exists():
        said = Path("/etc/os-release").read_text(encoding="utf-8")
        release = re.search(r"^VERSION_CODENAME=(\w+)", said, re.MULTILINE)
        suite = release[1] if release else sys.exit("this machine is no Debian")
        run(
            ["mmdebstrap", "--variant=minbase", f"--include={_PACKAGES}", suite, str(tar)],
            cwd=folder,
        )
    return tar


def dockerfile(stand: Stand, folder: Path) -> Path:
    """MLflow's, on our base."""
    generate = ["models", "generate-dockerfile", "-m", str(stand.model("first")), "-d", str(folder)]
    run([sys.executable, "-m", "mlflow", *generate], cwd=stand.folder)
    path = folder / "Dockerfile"
    text, changed = re.subn(r"^FROM .*$", _PREAMBLE, path.read_text(), flags=re.MULTILINE)
    assert changed == 1, text  # noqa: S101 - it would measure another base
    path.write_text(text, encoding="utf-8")
    return folder


def weighed(reference: str, folder: Path) -> int:
    """Bytes of an image's layers as tar."""
    copy = ["copy", "-q", "--src-tls-verify=false", "--dest-decompress", f"docker://{reference}"]
    run(["skopeo", "--insecure-policy", *copy, f"dir:{folder}"], cwd=folder.parent)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return sum(layer["size"] for layer in manifest["layers"])


def theirs(stand: Stand, folder: Path) -> tuple[int, int]:
    """Bytes of MLflow's image, compressed and not."""
    buildah = Buildah(folder / "buildah", folder)
    buildah.clear()
    try:
        buildah.pack_base(debian(stand.folder), folder / "base")
        buildah.clear()
        buildah.take_base(folder / "base")
        with registry() as there:
            buildah.build(dockerfile(stand, folder / "generated"), "mlflow", mounts=_of_pip())
            buildah.push("mlflow", there.reference("mlflow"))
            return there.size(), weighed(there.reference("mlflow"), folder / "mlflow")
    finally:
        buildah.clear()


def _of_pip() -> list[str]:
    """What pip needs to reach its index, as it does here: settings and certificates."""
    places = ("/etc/pip.conf", "/etc/ssl/certs")
    found = [f"{place}:{place}:ro" for place in places if Path(place).exists()]
    own = Path("~/.config/pip").expanduser()
    return [*found, f"{own}:/etc/xdg/pip:ro"] if own.exists() else found


def ours(stand: Stand, folder: Path, *options: str) -> tuple[int, int]:
    """Bytes of Holdfast's image, compressed and not."""
    name = "-".join(["holdfast", *options])
    own = Ours(stand, folder / "home", folder / "uv-cache")
    own.fetch([stand.model("first")], *options)
    with registry() as there:
        own.push(stand.model("first"), there.reference("holdfast"), *options)
        return there.size(), weighed(there.reference("holdfast"), folder / name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", choices=PROJECTS, default="sklearn")
    parser.add_argument("--scratch", type=Path, help="kept for the next run")
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(suffix="stand") as name,
        tempfile.TemporaryDirectory() as scratch,
    ):
        stand = make_stand((chosen.scratch or Path(name)).resolve(), chosen.project)
        make_base(stand)
        folder = Path(scratch)
        sizes = {
            "mlflow": theirs(stand, folder),
            "holdfast": ours(stand, folder),
            "holdfast --slim": ours(stand, folder, "--slim"),
        }
        print(f"{chosen.project:21}MB pushed  ratio  MB unpacked  ratio")
        for side, (pushed, plain) in sizes.items():
            ratios = [
                one / other for one, other in zip((pushed, plain), sizes["mlflow"], strict=True)
            ]
            print(
                f"{side:21}{pushed / 1e6:9.0f}{ratios[0]:7.2f}{plain / 1e6:13.0f}{ratios[1]:7.2f}"
            )


if __name__ == "__main__":
    main()
