from __future__ import annotations

import hashlib
import resource
from pathlib import Path

import installer
import pytest

from holdfast.errors import MismatchError, StoreError
from holdfast.image.layers.compress import Compression
from holdfast.image.layers.packages import INSTALLER, Making, Pinned, package_layers
from holdfast.image.layers.place import Place
from indexes import make_wheel

_PLACE = Place(root="/holdfast/environment", python_version="3.11")


class _Wheels:
    """Wheels by name, and who asked for which."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: dict[str, Path] = {}
        self.asked: list[list[str]] = []

    def add(self, name: str, version: str = "1.0") -> Pinned:
        files = {f"{name}/__init__.py": f"version = {version!r}\n", "shared.txt": name}
        path = self.paths[name] = make_wheel(self.folder, files, name=name, version=version)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        return Pinned(name=name, version=version, sha256=sha256)

    def __call__(self, packages) -> dict[str, Path]:
        self.asked.append([one.name for one in packages])
        return self.paths


@pytest.fixture
def wheels(tmp_path) -> _Wheels:
    return _Wheels(tmp_path / "wheels")


@pytest.fixture
def making(tmp_path) -> Making:
    return Making(place=_PLACE, compression=Compression.ZSTD, kept=tmp_path / "layers")


def test_a_layer_for_each_group_with_the_rows_of_each_package(wheels, making):
    groups = [[wheels.add("one"), wheels.add("two")], [wheels.add("three")]]
    pooled, alone = package_layers(groups, making, wheels)
    assert pooled.layer.created_by == "one==1.0 two==1.0"
    assert [len(rows) for rows in (*pooled.rows, *alone.rows)] == [5, 5, 5]
    names = [{path.rpartition("/")[2] for path, _, _ in rows} for rows in pooled.rows]
    assert all("RECORD" in one and "shared.txt" in one for one in names)
    assert alone.rows[0][0][0].startswith("holdfast/environment/lib/python3.11/site-packages/")


def test_wheels_are_asked_for_once_and_only_where_a_layer_is_not_kept(wheels, making):
    groups = [[wheels.add("one"), wheels.add("two")], [wheels.add("three")]]
    first = package_layers(groups, making, wheels)
    assert wheels.asked == [["one", "two", "three"]]
    assert package_layers(groups, making, wheels) == first
    assert len(wheels.asked) == 1
    groups[1] = [wheels.add("three", "1.1")]
    second = package_layers(groups, making, wheels)
    assert wheels.asked[1:] == [["three"]]
    assert second[0] == first[0]
    assert second[1].layer.diff_id != first[1].layer.diff_id


def test_another_place_time_or_compression_is_another_layer(wheels, making, tmp_path):
    groups = [[wheels.add("one")]]
    elsewhere = Place(root="/holdfast/gateway", python_version="3.11")
    made = {
        package_layers(
            groups, Making(place=place, compression=how, kept=making.kept, mtime=when), wheels
        )[0].layer.diff_id
        for place, how, when in (
            (_PLACE, Compression.ZSTD, 0),
            (_PLACE, Compression.GZIP, 0),
            (_PLACE, Compression.ZSTD, 1),
            (elsewhere, Compression.ZSTD, 0),
        )
    }
    assert len(made) == 3  # the compression does not show in the tar
    assert len(list(making.kept.iterdir())) == 4


def test_a_wheel_that_lies_makes_no_layer(wheels, making):
    groups = [[wheels.add("one")], [wheels.add("two")]]
    wheels.paths["two"].write_bytes(wheels.paths["one"].read_bytes())
    with pytest.raises(MismatchError, match=r"two-1\.0-py3-none-any\.whl"):
        package_layers(groups, making, wheels)
    assert not [path for path in making.kept.iterdir() if path.name.startswith(".")]


def test_a_wheel_that_is_gone_is_said(wheels, making):
    groups = [[wheels.add("one")]]
    wheels.paths["one"] = wheels.folder / "none-1.0-py3-none-any.whl"
    with pytest.raises(StoreError, match=r"none-1\.0-py3-none-any\.whl"):
        package_layers(groups, making, wheels)


def test_a_disk_that_is_full_is_said(wheels, making):
    making.kept.mkdir(parents=True)
    groups = [[wheels.add("one")]]
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limit[1]))
    try:
        with pytest.raises(StoreError, match="free some disk"):
            package_layers(groups, making, wheels)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert not list(making.kept.iterdir())


def test_no_groups(wheels, making):
    assert package_layers([], making, wheels) == ()
    assert wheels.asked == []


def test_what_writes_scripts_is_what_a_layers_key_says():
    assert installer.__version__ == INSTALLER
