from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.errors import MismatchError, StoreError
from holdfast.image.layers.compress import Compression
from holdfast.image.layers.kept import Kept, layer_key, take, take_or_make
from holdfast.image.layers.prune import prune_layers
from holdfast.image.layers.write import write_layer
from holdfast.image.values import Entry
from kit import Holdfast

_KEY = layer_key({"wheels": ["a" * 64]}, Compression.ZSTD)
_ROWS = [[("a", 1, "digest-of-a")], [("b", 2, "digest-of-b"), ("c", 3, "digest-of-c")]]


class _Maker:
    """Makes one small layer, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, folder: Path):
        self.times += 1
        entries = [Entry(path="a", content=b"a" * 1000)]
        return write_layer(entries, folder, Compression.ZSTD, created_by="a==1"), _ROWS


@pytest.fixture
def make() -> _Maker:
    return _Maker()


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "home" / "layers"


@pytest.fixture
def kept(folder, make) -> Kept:
    return take_or_make(folder, _KEY, make)


def test_it_is_made_once(folder, make, kept):
    again = take_or_make(folder, _KEY, make)
    assert again == kept == take(folder, _KEY)
    assert make.times == 1
    assert again.rows == tuple(map(tuple, _ROWS))
    assert again.layer.blob.content.parent == folder / _KEY
    assert [path.name for path in folder.iterdir()] == [_KEY]
    assert folder.stat().st_mode & 0o077 == 0


def test_what_is_not_kept(folder):
    assert take(folder, _KEY) is None
    assert not folder.exists()


def test_a_key_says_all_that_decides_the_bytes():
    made_of = {"wheels": ["a", "b"]}
    keys = {
        layer_key(made_of, Compression.ZSTD),
        layer_key(made_of, Compression.GZIP),
        layer_key(made_of, Compression.ZSTD, mtime=1),
        layer_key({"wheels": ["b", "a"]}, Compression.ZSTD),
    }
    assert len(keys) == 4
    assert layer_key(dict(made_of), Compression.ZSTD) in keys


def test_a_blob_that_was_edited_is_made_again(folder, make, kept):
    blob = kept.layer.blob.content
    size = blob.stat().st_size
    blob.write_bytes(bytes(size))
    assert take_or_make(folder, _KEY, make) == kept
    assert make.times == 2
    assert blob.read_bytes() != bytes(size)


def test_a_blob_that_was_only_touched_is_hashed_and_kept(folder, make, kept):
    os.utime(kept.layer.blob.content)
    assert take_or_make(folder, _KEY, make) == kept
    os.utime(kept.layer.blob.content, ns=(1, 1))
    assert take_or_make(folder, _KEY, make) == kept
    assert make.times == 1


def test_a_blob_that_was_not_touched_is_not_read(folder, make, kept, monkeypatch):
    monkeypatch.setattr("holdfast.image.layers.kept.digest_file", None)
    assert take_or_make(folder, _KEY, make) == kept


@pytest.mark.parametrize(
    "spoil",
    [
        lambda home: (home / "layer.json").unlink(),
        lambda home: (home / "blob").unlink(),
        lambda home: (home / "layer.json").write_text("{"),
        lambda home: (home / "layer.json").write_text("[]"),
        lambda home: (home / "layer.json").write_text("{}"),
        lambda home: (home / "blob").write_bytes(b""),
        lambda home: [path.unlink() for path in home.iterdir()],
    ],
)
def test_a_broken_one_is_made_again(folder, make, kept, spoil):
    spoil(folder / _KEY)
    assert take_or_make(folder, _KEY, make) == kept
    assert make.times == 2


def test_a_link_is_not_followed(folder, make, kept, tmp_path):
    blob = kept.layer.blob.content
    elsewhere = blob.rename(tmp_path / "elsewhere")
    blob.symlink_to(elsewhere)
    assert take_or_make(folder, _KEY, make) == kept
    assert not blob.is_symlink()


def test_nothing_is_left_where_making_fails(folder):
    def fail(into: Path):
        (into / "half").write_bytes(b"x")
        raise MismatchError("a wheel is not what it was")

    with pytest.raises(MismatchError, match="not what it was"):
        take_or_make(folder, _KEY, fail)
    assert not list(folder.iterdir())


def test_two_makers_at_once_come_to_one_layer(folder, make):
    def slow(into: Path):
        take_or_make(folder, _KEY, make)  # somebody else was faster
        return make(into)

    assert take_or_make(folder, _KEY, slow) == take(folder, _KEY)
    assert [path.name for path in folder.iterdir()] == [_KEY]


def test_a_folder_that_cannot_be_used(tmp_path, make):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="kept"):
        take_or_make(tmp_path / "file", _KEY, make)


def _used(folder: Path, key: str, ago: timedelta) -> None:
    when = time.time() - ago.total_seconds()
    os.utime(folder / key / "layer.json", (when, when))


@pytest.fixture
def three(folder, make) -> list[str]:
    """Keys: used ten days, five days and a moment ago."""
    keys = [layer_key({"n": n}, Compression.ZSTD) for n in range(3)]
    for key, days in zip(keys, (10, 5, 0), strict=True):
        take_or_make(folder, key, make)
        _used(folder, key, timedelta(days=days))
    return keys


def test_prune_by_age(folder, three):
    would = prune_layers(folder, older_than=timedelta(days=7), dry_run=True)
    assert [one.key for one in would] == three[:1]
    assert (folder / three[0]).is_dir()
    assert prune_layers(folder, older_than=timedelta(days=7)) == would
    assert sorted(path.name for path in folder.iterdir()) == sorted(three[1:])


def test_prune_by_size_takes_the_longest_unused_and_never_what_was_just_used(folder, three):
    each = (folder / three[0] / "blob").stat().st_size
    assert [one.key for one in prune_layers(folder, max_bytes=2 * each)] == three[:1]
    assert [one.key for one in prune_layers(folder, max_bytes=0)] == three[1:2]


def test_prune_without_a_bound_takes_only_remains(folder, three):
    for name, ago in (("dead", 7200), ("alive", 0)):
        (folder / f".{name}").mkdir()
        when = time.time() - ago
        os.utime(folder / f".{name}", (when, when))
    assert prune_layers(folder) == ()
    assert {path.name for path in folder.iterdir()} == {*three, ".alive"}


def test_use_counts_as_use(folder, make, three):
    take_or_make(folder, three[0], make)
    assert [one.key for one in prune_layers(folder, older_than=timedelta(days=3))] == three[1:2]


def test_prune_where_nothing_was_ever_kept(folder):
    assert prune_layers(folder, max_bytes=0) == ()


def test_the_command_line_prunes_layers_too(tmp_path, folder, three):
    holdfast = Holdfast(home=folder.parent, folder=tmp_path)
    ran = holdfast("env", "prune", "--older-than", "7d", "--dry-run")
    assert "would remove 1 layers" in ran.err
    ran = holdfast("env", "prune", "--older-than", "7d")
    assert "removed 1 layers" in ran.err
    assert holdfast("env", "prune", "--max-size", "20GB").code == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(three[1:])
    assert holdfast("env", "prune", "--max-size", "1").code == 0
    assert [path.name for path in folder.iterdir()] == three[2:]  # just used
