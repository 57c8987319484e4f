"""Making room among kept bases: what goes, and that it comes back."""

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from bases import RootFiles
from holdfast.image.base.open import Base, open_base
from holdfast.image.base.prune import prune_bases
from holdfast.image.values import Platform
from kit import Holdfast

DAY = 24 * 60 * 60


@pytest.fixture
def tars(tmp_path: Path) -> list[Path]:
    paths = []
    for name in ("one", "two"):
        root = RootFiles()
        root.file("etc/passwd", name.encode())
        paths.append(root.write(tmp_path / f"{name}.tar"))
    return paths


def _open(path: Path, kept: Path, *, days_ago: int = 0) -> Base:
    base = open_base(str(path), Platform("amd64"), kept=kept)
    when = time.time() - days_ago * DAY
    os.utime(base.layers[0].blob.content, (when, when))
    return base


def test_what_was_not_used_for_long_goes_and_comes_back(tars, tmp_path):
    kept = tmp_path / "kept"
    old, new = _open(tars[0], kept, days_ago=9), _open(tars[1], kept)
    assert len(prune_bases(kept, older_than=timedelta(days=3), dry_run=True)) == 1
    (gone,) = prune_bases(kept, older_than=timedelta(days=3))
    assert gone.path == old.layers[0].blob.content
    assert not gone.path.exists()
    assert new.layers[0].blob.content.exists()
    assert _open(tars[0], kept).layers == old.layers
    assert gone.path.exists()


def test_the_longest_unused_go_until_there_is_room_but_none_of_the_last_hour(tars, tmp_path):
    kept = tmp_path / "kept"
    first, _ = _open(tars[0], kept, days_ago=2), _open(tars[1], kept)
    assert [one.path for one in prune_bases(kept, max_bytes=0)] == [first.layers[0].blob.content]


def test_opening_is_using(tars, tmp_path):
    kept = tmp_path / "kept"
    _open(tars[0], kept, days_ago=9)
    open_base(str(tars[0]), Platform("amd64"), kept=kept)
    assert prune_bases(kept, older_than=timedelta(days=3)) == ()


def test_what_a_killed_build_left_goes_unasked(tmp_path):
    left = tmp_path / "incoming/4711.abcd"
    left.parent.mkdir()
    for days_ago, stays in ((0, True), (1, False)):
        left.write_bytes(b"half")
        os.utime(left, (time.time() - days_ago * DAY,) * 2)
        assert prune_bases(tmp_path) == ()
        assert left.exists() is stays


def test_the_command_line_prunes_bases_too(tars, tmp_path):
    kept = tmp_path / "home/bases"
    kept.parent.mkdir(mode=0o700)
    blob = _open(tars[0], kept, days_ago=9).layers[0].blob.content
    holdfast = Holdfast(home=kept.parent, folder=tmp_path)
    assert "removed 1 layers of bases" in holdfast("env", "prune", "--older-than", "3d").err
    assert not blob.exists()


def test_there_may_be_nothing(tmp_path):
    assert prune_bases(tmp_path / "none", max_bytes=0) == ()
