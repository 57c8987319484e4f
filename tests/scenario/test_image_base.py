"""Bases from everywhere they come from, and that what is read of them is what runs."""

from __future__ import annotations

import json
import os
import platform
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bases import RootFiles, make_quick_base, needs_mmdebstrap
from holdfast.environment.python import _QUESTION
from holdfast.errors import InputError, ToolError
from holdfast.image.base.listing import FILE, FOLDER, LINK, Node
from holdfast.image.base.open import Base, open_base, target_of
from holdfast.image.values import LAYER_GZIP, LAYER_ZSTD, Platform
from kit import real_python
from registries import needs_registry, serving

AMD, ARM = Platform("amd64"), Platform("arm64")
_SKOPEO, _UMOCI = shutil.which("skopeo") or "", shutil.which("umoci") or ""
_QEMU = shutil.which("qemu-aarch64-static") or ""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may change the root folder")
needs_tools = pytest.mark.skipif(
    not (_SKOPEO and _UMOCI), reason="skopeo or umoci is not installed"
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def layout(quick_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quick base as others make an image of it, with a layer that takes something away."""
    folder = tmp_path_factory.mktemp("umoci")
    root = RootFiles()
    root.file("etc/.wh.os-release", b"")
    root.file("opt/added", b"by the second layer")
    second = root.write(folder / "second.tar")
    image = f"{folder / 'layout'}:py"
    _run(_UMOCI, "init", "--layout", str(folder / "layout"))
    _run(_UMOCI, "new", "--image", image)
    for layer in (quick_base, second):
        _run(_UMOCI, "raw", "add-layer", "--image", image, str(layer))
    _run(_UMOCI, "config", "--image", image, "--config.env", "LD_LIBRARY_PATH=/opt/lib")
    return folder / "layout"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _answer(root: Path, *program: str) -> dict[str, object]:
    """What an interpreter says of itself, run with `root` as the root folder."""
    command = [shutil.which("chroot"), root, *program, "-I", "-c", _QUESTION]
    return json.loads(subprocess.run(command, capture_output=True, check=True, env={}).stdout)


def _agrees(base: Base, wanted: str, answer: dict[str, object]) -> None:
    python = base.python(wanted)
    target = target_of(base, python)
    assert python.path == answer["executable"]
    for said in ("implementation", "version", "abi", "libc"):
        assert getattr(target, said) == answer[said], said
    kernel = {"platform_release", "platform_version"}
    assert {**target.markers, **dict.fromkeys(kernel)} == {
        **answer["markers"],
        **dict.fromkeys(kernel),
    }
    assert python.missing == {}


@needs_root
@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_what_is_told_of_a_python_is_what_it_says_when_it_runs(version, kept, tmp_path):
    try:
        real_python(version)
    except ToolError:
        pytest.skip(f"no CPython {version} here")
    path = make_quick_base(tmp_path / "base.tar", version)
    root = tmp_path / "root"
    shutil.unpack_archive(path, root, filter="fully_trusted")
    answer = _answer(root, f"/usr/local/bin/python{version}")
    _agrees(open_base(str(path), AMD, kept=kept), f"{version}.99", answer)


@needs_tools
def test_an_image_of_others_is_a_base(layout, kept, quick_base):
    base = open_base(f"{layout}:py", AMD, kept=kept)
    below = open_base(str(quick_base), AMD, kept=kept)
    assert len(base.layers) == 2
    assert base.layers[0].diff_id == below.layers[0].diff_id
    assert {layer.blob.descriptor.media_type for layer in base.layers} == {LAYER_GZIP}
    assert base.environment["LD_LIBRARY_PATH"] == "/opt/lib"
    assert base.tree.find("/opt/added")
    assert below.tree.find("/etc/os-release")
    assert base.tree.find("/etc/os-release") is None
    wanted = platform.python_version()
    assert base.python(wanted) == below.python(wanted)


@pytest.mark.slow
@needs_root
@needs_tools
def test_layers_make_the_tree_that_others_unpack(tmp_path):
    compared = 0
    for seed in range(60):
        folder = tmp_path / str(seed)
        folder.mkdir()
        image = f"{folder / 'layout'}:it"
        _run(_UMOCI, "init", "--layout", str(folder / "layout"))
        _run(_UMOCI, "new", "--image", image)
        chance = random.Random(seed)  # noqa: S311 - the same each time
        for number in range(3):
            layer = _any_layer(chance, folder / f"{number}.tar", lowest=number == 0)
            _run(_UMOCI, "raw", "add-layer", "--image", image, str(layer))
        unpack = [_UMOCI, "unpack", "--image", image, str(folder / "bundle")]
        if subprocess.run(unpack, capture_output=True, check=False).returncode:
            continue  # nonsense to umoci: a file below a link that leads nowhere, say
        base = open_base(image, AMD, kept=folder / "kept")
        there = {found.path: _seen(found.node) for found in base.tree.walk()}
        assert there == dict(_unpacked(folder / "bundle/rootfs")), seed
        compared += 1
    assert compared > 20


def _any_layer(chance: random.Random, path: Path, *, lowest: bool) -> Path:
    """Files, folders, links and whiteouts, under so few names that they meet often."""
    root = RootFiles()
    taken: set[str] = set()
    taking_away = [] if lowest else ["gone", "opaque"]
    for place in sorted(_any_path(chance) for _ in range(chance.randint(1, 6))):
        if any(place == other or place.startswith(f"{other}/") for other in taken):
            continue
        kind = chance.choice(["file", "file", "folder", "link", *taking_away])
        folder, _, name = place.rpartition("/")
        if kind == "folder":
            root.folder(place)
        elif kind == "opaque":
            root.file(f"{place}/.wh..wh..opq", b"")
        else:
            taken.add(place)
        if kind == "file":
            root.file(place, bytes(chance.randint(0, 9)))
        elif kind == "link":
            root.link(place, chance.choice(["", "/", "../"]) + _any_path(chance))
        elif kind == "gone":
            root.file(f"{folder}/.wh.{name}".lstrip("/"), b"")
    return root.write(path)


def _any_path(chance: random.Random) -> str:
    return "/".join(chance.choice("abc") for _ in range(chance.randint(1, 3)))


def _seen(node: Node) -> tuple[str, int, str]:
    return (node.kind, node.size, node.target)


def _unpacked(root: Path) -> Iterator[tuple[str, tuple[str, int, str]]]:
    for path in root.rglob("*"):
        place = f"/{path.relative_to(root)}"
        if path.is_symlink():
            yield place, (LINK, 0, str(path.readlink()))
        elif path.is_dir():
            yield place, (FOLDER, 0, "")
        else:
            yield place, (FILE, path.stat().st_size, "")


@needs_tools
def test_an_archive_in_zstd_is_the_same_base(layout, kept, tmp_path):
    archive = tmp_path / "base.oci"
    _run(
        _SKOPEO, "copy", "--quiet", "--insecure-policy", "--dest-compress",
        "--dest-compress-format", "zstd",
        f"oci:{layout}:py", f"dir:{tmp_path / 'zstd'}",
    )  # fmt: skip
    _run(
        _SKOPEO, "copy", "--quiet", "--insecure-policy",
        f"dir:{tmp_path / 'zstd'}", f"oci-archive:{archive}:py",
    )  # fmt: skip
    base = open_base(str(archive), AMD, kept=kept)
    same = open_base(f"{layout}:py", AMD, kept=kept)
    assert [layer.diff_id for layer in base.layers] == [layer.diff_id for layer in same.layers]
    assert {layer.blob.descriptor.media_type for layer in base.layers} == {LAYER_ZSTD}
    assert list(base.tree.walk()) == list(same.tree.walk())


@needs_tools
def test_what_docker_would_save_is_the_same_base(layout, kept, tmp_path):
    archive = tmp_path / "saved.tar"
    _run(
        _SKOPEO, "copy", "--quiet", "--insecure-policy",
        f"oci:{layout}:py", f"docker-archive:{archive}:registry.example/py:1",
    )  # fmt: skip
    same = open_base(f"{layout}:py", AMD, kept=kept)
    for text in (str(archive), f"{archive}:registry.example/py:1"):
        base = open_base(text, AMD, kept=kept)
        assert [layer.diff_id for layer in base.layers] == [layer.diff_id for layer in same.layers]


@needs_tools
@needs_registry
def test_a_base_of_a_registry_is_pulled_once(layout, tmp_path):
    kept = tmp_path / "kept"
    with serving(tmp_path / "registry") as registry:
        name = f"{registry.host}/team/python"
        _run(
            _SKOPEO, "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false",
            f"oci:{layout}:py", f"docker://{name}:1",
        )  # fmt: skip
        base = open_base(f"{name}:1", AMD, kept=kept)
        with pytest.raises(InputError, match="arm64"):
            open_base(f"{name}:1", ARM, kept=kept)
    assert base.name == f"{name}:1"
    assert base.layers[0].source == name
    # Nobody answers any more.
    assert open_base(f"{name}:1", AMD, kept=kept, offline=True).digest == base.digest
    with pytest.raises(ToolError):
        open_base(f"{name}:1", AMD, kept=kept)


@pytest.mark.slow
@needs_mmdebstrap
def test_a_base_for_another_machine_is_read_as_it_would_run(arm64_base, kept, tmp_path):
    base = open_base(str(arm64_base), ARM, kept=kept)
    python = base.python("3.11.7")
    assert (python.path, python.abi) == ("/usr/bin/python3.11", "cpython-311-aarch64-linux-gnu")
    tags = {str(tag) for tag in target_of(base, python).tags}
    assert "cp311-cp311-manylinux_2_17_aarch64" in tags
    assert "cp311-cp311-manylinux2014_aarch64" in tags
    assert not any("x86_64" in tag for tag in tags)
    if not _QEMU or os.geteuid() != 0:
        pytest.skip("no qemu-user here, or not root")
    root = tmp_path / "root"
    shutil.unpack_archive(arm64_base, root, filter="fully_trusted")
    shutil.copy(_QEMU, root / "qemu")
    answer = _answer(root, "/qemu", python.path)
    _agrees(base, "3.11.7", answer | {"executable": python.path})
