from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import InputError
from holdfast.seal.digest import compare_folder, digest_bytes, digest_file, digest_folder, inside


@pytest.fixture
def folder(tmp_path):
    model = tmp_path / "model"
    (model / "holdfast").mkdir(parents=True)
    (model / "code" / "__pycache__").mkdir(parents=True)
    (model / "MLmodel").write_text("flavors: {}\n")
    (model / "holdfast" / "seal.json").write_text("{}")
    (model / "code" / "a.py").write_text("a = 1\n")
    (model / "code" / "__pycache__" / "a.pyc").write_text("")
    return model


def test_every_file_but_the_seal_and_bytecode(folder):
    assert sorted(digest_folder(folder)) == ["MLmodel", "code/a.py"]
    assert compare_folder(folder, digest_folder(folder)).matches


def test_changed_missing_and_added(folder):
    sealed = digest_folder(folder)
    (folder / "MLmodel").write_text("flavors: {x: 1}\n")
    (folder / "code" / "a.py").unlink()
    (folder / "code" / "b.py").write_text("")
    (folder / "registered_model_meta").write_text("model_name: x\n")
    (folder / "metadata").mkdir()
    (folder / "metadata" / "MLmodel").write_text("")
    found = compare_folder(folder, sealed)
    assert (found.changed, found.missing, found.extra) == (
        ("MLmodel",),
        ("code/a.py",),
        ("code/b.py",),
    )


def test_a_link_is_never_the_file_it_leads_to(folder, tmp_path):
    sealed = digest_folder(folder)
    (folder / "MLmodel").rename(tmp_path / "MLmodel")
    (folder / "MLmodel").symlink_to(tmp_path / "MLmodel")
    (tmp_path / "more").mkdir()
    (folder / "more").symlink_to(tmp_path / "more")
    found = compare_folder(folder, sealed)
    assert found.changed == ("MLmodel",)
    assert found.extra == ("more",)
    with pytest.raises(OSError, match="symbolic link"):
        digest_file(folder / "MLmodel")


def test_a_pipe_is_no_file(folder):
    sealed = digest_folder(folder)
    (folder / "MLmodel").unlink()
    os.mkfifo(folder / "MLmodel")
    assert compare_folder(folder, sealed).changed == ("MLmodel",)


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "..", "../x", "a/../x", "a/./x", "./x", "a\\..\\x", "a\0b", "holdfast/.."],
)
def test_paths_that_lead_out(folder, path):
    with pytest.raises(InputError):
        inside(folder, path)
    with pytest.raises(InputError):
        compare_folder(folder, {path: digest_file(folder / "MLmodel")})


def test_a_path_through_a_link(folder, tmp_path):
    (folder / "out").symlink_to(tmp_path)
    with pytest.raises(InputError, match="through a link"):
        inside(folder, "out/secret")


@settings(deadline=None)
@given(st.text(max_size=20))
def test_nothing_is_inside_that_is_not(path):
    from pathlib import Path

    root = Path("no-such-folder").absolute()
    try:
        found = inside(root, path)
    except InputError:
        return
    assert root in found.parents
    assert os.path.normpath(found) == str(found)


def test_a_link_is_sealed_as_what_it_leads_to(tmp_path):
    model, elsewhere = tmp_path / "model", tmp_path / "elsewhere"
    (elsewhere / "weights").mkdir(parents=True)
    (elsewhere / "weights" / "a.bin").write_bytes(b"a")
    (elsewhere / "b.bin").write_bytes(b"b")
    model.mkdir()
    (model / "b.bin").symlink_to(elsewhere / "b.bin")
    (model / "weights").symlink_to(elsewhere / "weights", target_is_directory=True)
    (elsewhere / "weights" / "round").symlink_to(elsewhere / "weights", target_is_directory=True)
    sealed = digest_folder(model)
    assert sealed["b.bin"].sha256 == digest_bytes(b"b")
    assert sealed["weights/a.bin"].sha256 == digest_bytes(b"a")
    assert sorted(sealed)[:2] == ["b.bin", "weights/a.bin"]
    # As it lies there it does not match: a link is not followed when a seal is compared.
    assert "b.bin" in compare_folder(model, sealed).changed
    # What MLflow uploads does, but for the link that goes round in a circle.
    (elsewhere / "weights" / "round").unlink()
    sealed = digest_folder(model)
    uploaded = Path(shutil.copytree(model, tmp_path / "uploaded"))
    assert compare_folder(uploaded, sealed).matches
