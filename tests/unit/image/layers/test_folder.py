from __future__ import annotations

import os
from pathlib import Path

import pytest

from holdfast.errors import InputError, MismatchError, StoreError
from holdfast.image.layers.compress import Compression
from holdfast.image.layers.folder import folder_entries
from holdfast.image.layers.write import write_layer
from holdfast.seal.digest import digest_folder


@pytest.fixture
def model(tmp_path) -> Path:
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "data/model.bin").write_bytes(bytes(3 << 20))
    (folder / "data/run.sh").write_text("#!/bin/sh\n")
    (folder / "data/run.sh").chmod(0o755)
    return folder


def test_exactly_the_sealed_files_and_none_a_program(model):
    files = digest_folder(model)
    (model / "stray").write_text("not sealed")
    entries = folder_entries(model, "holdfast/model", files)
    assert [one.path for one in entries] == [
        f"holdfast/model/{name}" for name in ("MLmodel", "data/model.bin", "data/run.sh")
    ]
    assert not any(one.executable for one in entries)


def test_where_it_lies_does_not_show(model, tmp_path):
    made = set()
    for name in ("here", "there"):
        out = tmp_path / name
        out.mkdir()
        moved = model.rename(tmp_path / f"{name} model")
        entries = folder_entries(moved, "holdfast/model", digest_folder(moved))
        made.add(
            write_layer(entries, out, Compression.ZSTD, created_by="model").blob.descriptor.digest
        )
        moved.rename(model)
    assert len(made) == 1


def test_what_is_missing_or_of_another_size_is_said_at_once(model):
    files = digest_folder(model)
    (model / "MLmodel").write_text("flavors: {x: {}}\n")
    (model / "data/model.bin").unlink()
    with pytest.raises(MismatchError, match=r"(?s)MLmodel has 17 bytes.*model\.bin is missing"):
        folder_entries(model, "holdfast/model", files)


def test_a_file_that_changes_before_it_is_read(model, tmp_path):
    entries = folder_entries(model, "holdfast/model", digest_folder(model))
    with (model / "data/model.bin").open("r+b") as file:
        file.write(b"1")
    with pytest.raises(MismatchError, match=r"^holdfast/model/data/model\.bin: .*sha256"):
        write_layer(entries, tmp_path, Compression.ZSTD, created_by="model")


def test_a_file_that_becomes_a_link_before_it_is_read(model, tmp_path):
    entries = folder_entries(model, "holdfast/model", digest_folder(model))
    (model / "MLmodel").rename(tmp_path / "MLmodel")
    (model / "MLmodel").symlink_to(tmp_path / "MLmodel")
    with pytest.raises(StoreError, match="MLmodel"):
        write_layer(entries, tmp_path, Compression.ZSTD, created_by="model")


@pytest.mark.parametrize("path", ["../elsewhere", "/etc/passwd", "data/../../elsewhere"])
def test_paths_that_leave_the_folder(model, path):
    digest = digest_folder(model)["MLmodel"]
    with pytest.raises(InputError, match="leads out"):
        folder_entries(model, "holdfast/model", {path: digest})


def test_a_way_through_a_link(model):
    files = digest_folder(model)
    (model / "data").rename(model.parent / "elsewhere")
    (model / "data").symlink_to("../elsewhere")
    with pytest.raises(InputError, match="through a link"):
        folder_entries(model, "holdfast/model", files)


def test_a_pipe(model):
    files = digest_folder(model)
    (model / "MLmodel").unlink()
    os.mkfifo(model / "MLmodel")
    with pytest.raises(MismatchError, match="MLmodel is missing"):
        folder_entries(model, "holdfast/model", files)
