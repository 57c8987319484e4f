"""The bits of an image: the same on every build, no more new ones than there are news."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import httpx

import registries
from holdfast.image.values import MANIFEST
from images import layers
from kit import run, surroundings
from registries import needs_registry
from small import reseal

# What an image's config and manifest may take, of a model that has changed.
SMALL_BLOBS = 16_000
_ANOTHER_USER = (
    "setpriv", "--reuid=4242", "--regid=4242", "--clear-groups",
    # Another user, who may read what tests have made: their folders are root's alone.
    "--inh-caps=+dac_override", "--ambient-caps=+dac_override",
)  # fmt: skip


def test_another_day_folder_user_and_clock_give_the_same_digest(
    small_image, small, workshop, tmp_path
):
    """Nothing is shared but the wheels: a home, a copy of the model, and the base lie elsewhere."""
    home, model = tmp_path / "other" / "home", small.copy(tmp_path / "a model")
    wheels = home / "store" / "wheels"
    shutil.copytree(workshop.holdfast.home / "store" / "wheels", wheels)
    base = Path(shutil.copy(workshop.base, tmp_path / "other.tar"))
    os.utime(base, (1, 1))
    for path in model.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (86_400, 86_400))
    command = [
        sys.executable, "-m", "holdfast", "image", str(model), "--base", str(base), "--json",
        "-o", str(tmp_path / "other.oci"),
    ]  # fmt: skip
    if os.geteuid() == 0 and shutil.which("setpriv"):
        command = [*_ANOTHER_USER, *command]
    if shutil.which("taskset"):
        command = ["taskset", "--cpu-list", "0", *command]
    env = surroundings(
        HOLDFAST_HOME=str(home),
        TZ="Pacific/Kiritimati",
        LC_ALL="C",
        PYTHONHASHSEED="7",
        UV_CACHE_DIR=str(small.cache),
        HOME=str(tmp_path),
    )
    before = os.umask(0o077)
    try:
        ran = run(command, cwd=tmp_path, env=env)
    finally:
        os.umask(before)
    assert ran.code == 0, ran
    assert json.loads(ran.out)["digest"] == small_image.said["digest"]


def test_a_changed_model_is_one_layer_and_two_small_blobs(small, small_image, workshop, tmp_path):
    changed = workshop.make(another(small, tmp_path / "model"), "-o", tmp_path / "layout")
    assert layers(changed)[:-1] == small_image.layers[:-1]
    assert layers(changed)[-1] != small_image.layers[-1]


def another(small, folder: Path) -> Path:
    """The same model, trained again: nothing else is another."""
    model = small.copy(folder)
    (model / "python_model.pkl").write_bytes((model / "python_model.pkl").read_bytes() + b"more")
    reseal(model)
    return model


@needs_registry
def test_a_changed_model_sends_itself_and_two_small_blobs(small, workshop, tmp_path):
    with registries.serving(tmp_path / "registry") as registry:
        name = f"{registry.host}/team/small"
        workshop.make(small.model, "--push", f"{name}:1")
        before = stored(tmp_path / "registry")
        second = workshop.make(another(small, tmp_path / "model"), "--push", f"{name}:2")
        after = stored(tmp_path / "registry")
        url = f"http://{registry.host}/v2/team/small/manifests/{second['digest']}"
        manifest = httpx.get(url, headers={"accept": MANIFEST}).json()
    named = [manifest["config"], *manifest["layers"]]
    digests = {second["digest"], *(one["digest"] for one in named)}
    model = layers(second)[-1]
    # Its attachments are apart: they name what it is made of, and so are others, too.
    new = {name: size for name, size in after.items() if name in digests - before.keys()}
    assert new.pop(model) == second["images"][0]["layers"][-1]["size"]
    assert new.keys() == {second["digest"], manifest["config"]["digest"]}
    assert sum(new.values()) < SMALL_BLOBS


def stored(registry: Path) -> dict[str, int]:
    """Every blob and manifest that a registry keeps: its digest, its size in bytes."""
    found = registry.rglob("blobs/sha256/*/*/data")
    return {f"sha256:{path.parent.name}": path.stat().st_size for path in found}


@needs_registry
def test_an_image_pushed_again_changes_nothing(small, workshop, tmp_path):
    with registries.serving(tmp_path / "registry") as registry:
        name = f"{registry.host}/team/small:1"
        first = workshop.make(small.model, "--push", name)
        before = stored(tmp_path / "registry")
        again = workshop.make(small.model, "--push", name)
        assert stored(tmp_path / "registry") == before
    assert again["digest"] == first["digest"]
    # Manifests are put once more: that is how a tag is set.
    assert again["pushed"]["bytes"] < SMALL_BLOBS


def test_models_of_one_environment_differ_in_one_layer(served, workshop, tmp_path):
    made = [
        layers(workshop.make(served.model(name), "-o", tmp_path / name))
        for name in ("numbers", "trees")
    ]
    assert made[0][:-1] == made[1][:-1]
    assert made[0][-1] != made[1][-1]
