"""A Dockerfile of ours is built by buildah, as somebody does who must, and the image serves."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bundles import unpack
from containers import needs_programs, run_in
from holdfast.image.texts.context import write_dockerfile
from holdfast.image.texts.quote import pairs
from holdfast.model import open_model
from holdfast.restore.findings import Finding
from holdfast.restore.restore import restore
from holdfast.uv import uv_program
from images import Made, answers_as_sealed
from kit import REPOSITORY, Ran, run, surroundings
from small import Small, reseal

pytestmark = [
    needs_programs,
    pytest.mark.skipif(shutil.which("buildah") is None, reason="needs buildah"),
]
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"  # in the base for tests
# What another reader of Dockerfiles would take for its own.
HARM = {
    "shell": "$(touch /harm) `id` ; rm -rf / && true | cat > x",
    "variable": "$HOME ${BASE:-x} \\$HOME \\\\$HOME",
    "quotes": '"\'\\" \\',
    "words": "a=b c=d \\",
    "comment": "# no comment",
    "letters": "Modèle naïf 模型 🌊",
}


@dataclass(frozen=True)
class Buildah:
    """buildah with a storage, and a cache for RUN, of its own."""

    folder: Path

    def __call__(self, *arguments: str | Path) -> str:
        ran = self.may_fail(*arguments)
        assert ran.code == 0, ran
        return ran.out

    def may_fail(self, *arguments: str | Path) -> Ran:
        scratch = self.folder / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        places = ["--root", str(self.folder / "root"), "--runroot", str(self.folder / "run")]
        command = ["buildah", *places, "--storage-driver", "overlay", *map(str, arguments)]
        env = surroundings(TMPDIR=str(scratch))
        return run(command, cwd=self.folder, env=env, timeout=900)

    def build(self, context: Path, tag: str, *options: str) -> None:
        arguments = ["--isolation", "chroot", "--network", "host", "--pull-never", *options]
        self("build", "--quiet", "--layers", *arguments, "--tag", f"localhost/{tag}", context)

    def layers(self, tag: str) -> list[str]:
        image = json.loads(self("inspect", "--type", "image", f"localhost/{tag}"))
        layers: list[str] = image["OCIv1"]["rootfs"]["diff_ids"]
        return layers

    def export(self, tag: str, layout: Path) -> Path:
        self("push", "--quiet", f"localhost/{tag}", f"oci:{layout}:latest")
        return layout

    def close(self) -> None:
        self("rm", "--all")
        overlay = self.folder / "root" / "overlay"
        while overlay.is_mount():
            assert run(["umount", str(overlay)], cwd=self.folder).code == 0


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    one = Buildah(tmp_path_factory.mktemp("buildah"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def images(buildah: Buildah, quick_base: Path) -> Buildah:
    """buildah, with the images that the Dockerfile's arguments name: a base, and uv."""
    for name, (source, place) in {"base": (quick_base, "/"), "uv": (uv_program(), "/uv")}.items():
        context = buildah.folder / name
        context.mkdir()
        shutil.copy2(source, context)
        (context / "Dockerfile").write_text(f"FROM scratch\nADD {source.name} {place}\n")
        buildah.build(context, name)
    return buildah


def _build(images: Buildah, context: Path, tag: str) -> None:
    asked = {"BASE": "localhost/base", "UV": "localhost/uv", "SSL_CERT_FILE": _CERTIFICATES}
    options = [f"--build-arg={name}={value}" for name, value in asked.items()]
    images.build(context, tag, *options)


def test_a_models_words_stay_words(buildah: Buildah, tmp_path: Path):
    """Quoted as ours are, whatever a model says comes out as it is, and runs nothing."""
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\nLABEL {pairs(HARM)}\nENV {pairs(HARM)}\n")
    buildah.build(tmp_path, "harm")
    config = json.loads(buildah("inspect", "--type", "image", "localhost/harm"))["OCIv1"]["config"]
    labels = {name: text for name, text in config["Labels"].items() if name in HARM}
    assert labels == HARM
    assert dict(pair.split("=", 1) for pair in config["Env"]) | HARM == dict(
        pair.split("=", 1) for pair in config["Env"]
    )


def _made(images: Buildah, tag: str, model: Path, folder: Path) -> Made:
    layout = images.export(tag, folder / "layout")
    unpack(layout, folder / "bundle")
    return Made(model, layout, {})


def _verified(image: Made) -> dict[str, Any]:
    ran = run_in(image.files, "verify", "--json")
    assert ran.code == 0, ran
    receipt: dict[str, Any] = json.loads(ran.out)
    return receipt


@pytest.mark.slow
def test_it_builds_and_answers_with_the_golden_predictions(
    images: Buildah, small: Small, tmp_path: Path
):
    other = small.copy(tmp_path / "model")
    (other / "note.txt").write_text("another model")
    reseal(other)
    for name, model in {"whole": small.model, "other": other}.items():
        write_dockerfile(open_model(model), tmp_path / name)
    _build(images, tmp_path / "whole", "whole")
    image = _made(images, "whole", small.model, tmp_path)
    answers_as_sealed(image)
    receipt = _verified(image)
    assert receipt["matches"]
    assert {check["status"] for check in receipt["checks"]} == {"match"}
    _check_rights(image.files.files)
    # Another model of the same lock is one other layer.
    _build(images, tmp_path / "other", "other")
    one, two = images.layers("whole"), images.layers("other")
    assert one[:-1] == two[:-1]
    assert one[-1] != two[-1]


def _check_rights(root: Path) -> None:
    """All of Holdfast's is root's, and nobody else may write to it."""
    for folder, folders, files in os.walk(root / "holdfast"):
        for name in (*folders, *files):
            path = Path(folder, name)
            found = path.lstat()
            assert found.st_uid == found.st_gid == 0, path
            assert path.is_symlink() or not found.st_mode & 0o022, path


@pytest.mark.slow
def test_a_slim_one_serves_as_a_slim_one(
    images: Buildah, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, value in {**small.holdfast(tmp_path).env, "HOLDFAST_HOME": str(small.home)}.items():
        monkeypatch.setenv(name, value)
    model = open_model(small.model)
    slim = restore(model, slim=True)
    write_dockerfile(model, tmp_path / "slim", slim=Finding.of(slim))
    _build(images, tmp_path / "slim", "slim")
    image = _made(images, "slim", small.model, tmp_path)
    answers_as_sealed(image)
    receipt = _verified(image)
    assert receipt["matches"]
    assert slim.slim is not None
    assert receipt["slim"]["packages"] == slim.slim.packages


def test_a_base_with_another_python_is_refused(images: Buildah, tmp_path: Path):
    """Nothing is downloaded in its place, and no image is made."""
    model = open_model(REPOSITORY / "tests" / "compat" / "0.1.0")
    python = replace(model.seal.python, version="3.9.1")
    write_dockerfile(replace(model, seal=replace(model.seal, python=python)), tmp_path / "out")
    options = ["--build-arg=BASE=localhost/base", "--build-arg=UV=localhost/uv"]
    isolated = ["--isolation", "chroot", "--network", "host", "--pull-never"]
    tag = ["--tag", "localhost/none"]
    ran = images.may_fail("build", *isolated, *options, *tag, tmp_path / "out")
    assert ran.code != 0
    assert "No interpreter found for Python 3.9" in ran.out + ran.err
    assert images.may_fail("inspect", "--type", "image", "localhost/none").code != 0
