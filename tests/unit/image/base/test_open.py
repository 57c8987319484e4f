"""Which base a text names, and what is said of one that is none."""

import gzip
import os
import shutil
from pathlib import Path

import pytest

from bases import RootFiles
from holdfast.environment.python import Interpreter, read_facts
from holdfast.errors import InputError
from holdfast.image.base.open import named_base, open_base, target_of
from holdfast.image.base.rootfs import layer_of
from holdfast.image.oci.blobs import digest_of
from holdfast.image.oci.config import config_of
from holdfast.image.oci.manifest import manifest_of
from holdfast.image.oci.write import write_folder
from holdfast.image.values import LAYER_GZIP, LAYER_TAR, Image, Images, Platform
from kit import real_python

PLATFORM = Platform("amd64")


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Interpreter:
    facts = read_facts(Path(real_python()), tmp_path_factory.mktemp("facts"))
    return Interpreter(path=Path(facts["executable"]), facts=facts, exact=True)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def small_base(tmp_path: Path) -> Path:
    """Without a Python."""
    root = RootFiles()
    root.file("etc/passwd", b"nobody:x:65534:65534::/:/bin/sh\n")
    return root.write(tmp_path / "base.tar")


def _written(base: Path, folder: Path) -> Image:
    """An image of one layer, called "latest" in the layout `folder / "layout"`."""
    layers = (layer_of(base, folder / "made"),)
    config = config_of(PLATFORM, layers, {}, "1970-01-01T00:00:00Z")
    manifest = manifest_of(PLATFORM, config, layers, {})
    image = Image(platform=PLATFORM, manifest=manifest, config=config, layers=layers)
    write_folder(Images(images=(image,)), folder / "layout", name="latest")
    return image


def test_a_base_is_what_is_given_else_what_the_variable_names():
    named = {"HOLDFAST_IMAGE_BASE": "registry.example/python:3.11"}
    assert named_base("own.tar", named) == "own.tar"
    assert named_base(None, named) == "registry.example/python:3.11"
    for environ in ({}, {"HOLDFAST_IMAGE_BASE": ""}):
        with pytest.raises(InputError, match="no base is named") as refused:
            named_base(None, environ)
        assert "HOLDFAST_IMAGE_BASE" in (refused.value.hint or "")


def test_packages_are_chosen_as_the_python_itself_would(quick_base, interpreter, kept):
    base = open_base(str(quick_base), PLATFORM, kept=kept)
    python = base.python(interpreter.version)
    found, wanted = target_of(base, python), interpreter.target()
    assert found.tags == wanted.tags
    assert (found.version, found.abi, found.libc) == (wanted.version, wanted.abi, wanted.libc)
    differing = {name for name in wanted.markers if wanted.markers[name] != found.markers[name]}
    assert differing == {"platform_release", "platform_version"}
    assert python.path == f"/usr/local/bin/python{_minor(interpreter.version)}"
    assert python.size == interpreter.path.stat().st_size
    assert python.mtime_ns == 0


def test_a_tar_is_one_layer_and_known_again(small_base, tmp_path):
    said: list[str] = []
    base = open_base(str(small_base), PLATFORM, kept=tmp_path / "kept", on_progress=said.append)
    (layer,) = base.layers
    assert layer.blob.descriptor.media_type == LAYER_TAR
    assert layer.diff_id == layer.blob.descriptor.digest == base.digest
    assert layer.diff_id == digest_of(small_base.read_bytes())
    assert (base.name, base.config) == ("", {})
    assert "base.tar" in said[0]
    again = open_base(str(small_base), PLATFORM, kept=tmp_path / "kept")
    assert again.layers == base.layers


def test_a_compressed_tar_stays_as_it_is(small_base, tmp_path):
    packed = tmp_path / "base.tar.gz"
    packed.write_bytes(gzip.compress(small_base.read_bytes(), 1))
    (layer,) = open_base(str(packed), PLATFORM, kept=tmp_path / "kept").layers
    assert layer.blob.descriptor.media_type == LAYER_GZIP
    assert layer.blob.descriptor.digest == digest_of(packed.read_bytes())
    assert layer.diff_id == digest_of(small_base.read_bytes())


def test_a_tar_that_was_written_again_is_read_again(small_base, tmp_path):
    path = small_base
    before = open_base(str(path), PLATFORM, kept=tmp_path / "kept")
    with path.open("r+b") as file:  # as long as it was
        file.seek(path.read_bytes().index(b"nobody:x:"))
        file.write(b"nobodY")
    os.utime(path, ns=(0, 0))
    after = open_base(str(path), PLATFORM, kept=tmp_path / "kept")
    assert after.digest == digest_of(path.read_bytes()) != before.digest
    assert "nobodY" in after.tree.text("/etc/passwd")


def test_a_folder_gives_one_digest_whenever_it_was_made(tmp_path):
    digests = set()
    for name, umask in (("one", 0o022), ("two", 0o077)):
        root = tmp_path / name
        before = os.umask(umask)
        (root / "usr/bin").mkdir(parents=True)
        os.umask(before)
        for folder in (root / "usr", root / "usr/bin"):
            folder.chmod(0o755)
        (root / "usr/bin/program").write_bytes(b"x")
        (root / "usr/bin/program").chmod(0o755)
        (root / "bin").symlink_to("usr/bin")
        os.utime(root / "usr/bin/program", (len(digests), len(digests)))
        digests.add(open_base(str(root), PLATFORM, kept=tmp_path / "kept").digest)
    assert len(digests) == 1


def test_a_layout_is_opened_by_the_name_behind_it(small_base, tmp_path):
    image = _written(small_base, tmp_path)
    kept = tmp_path / "kept"
    for text in (str(tmp_path / "layout"), f"{tmp_path / 'layout'}:latest"):
        base = open_base(text, PLATFORM, kept=kept)
        assert base.digest == image.manifest.descriptor.digest
        assert "nobody" in base.tree.text("/etc/passwd")
    with pytest.raises(InputError, match="other"):
        open_base(f"{tmp_path / 'layout'}:other", PLATFORM, kept=kept)
    with pytest.raises(InputError, match="arm64"):
        open_base(str(tmp_path / "layout"), Platform("arm64"), kept=kept)


def test_what_was_taken_from_a_layout_does_not_change_under_us(small_base, tmp_path):
    _written(small_base, tmp_path)
    base = open_base(str(tmp_path / "layout"), PLATFORM, kept=tmp_path / "kept")
    shutil.rmtree(tmp_path / "made")
    shutil.rmtree(tmp_path / "layout")
    for layer in base.layers:
        assert digest_of(Path(layer.blob.content).read_bytes()) == layer.blob.descriptor.digest


@pytest.mark.parametrize("text", ["./missing", "/missing/base", "missing.tar", "missing.oci"])
def test_a_path_that_is_not_there_is_no_reference(tmp_path, text):
    with pytest.raises(InputError, match="no base at"):
        open_base(text, PLATFORM, kept=tmp_path)


def test_a_name_without_a_registry_is_refused(tmp_path):
    with pytest.raises(InputError, match="names no registry"):
        open_base("python:3.11", PLATFORM, kept=tmp_path)


def test_a_reference_that_was_never_pulled_is_refused_offline(tmp_path):
    with pytest.raises(InputError, match="was never pulled"):
        open_base("registry.example/python:3.11", PLATFORM, kept=tmp_path, offline=True)


def test_a_base_without_the_python_says_which_it_has(quick_base, interpreter, kept):
    base = open_base(str(quick_base), PLATFORM, kept=kept)
    with pytest.raises(InputError, match=r"no Python 3\.8.*; it has") as refused:
        base.python("3.8.1")
    assert f"{interpreter.version} at /usr/local/bin/python" in refused.value.message
    with pytest.raises(InputError, match="logged with pypy"):
        base.python(interpreter.version, "pypy")


def test_a_base_for_another_machine_is_refused(quick_base, interpreter, kept):
    base = open_base(str(quick_base), Platform("arm64"), kept=kept)
    with pytest.raises(InputError, match="for x86_64, not for linux/arm64"):
        base.python(interpreter.version)
