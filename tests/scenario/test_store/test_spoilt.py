"""uv's cache is hardlinked into environments: whoever edits one file edits them all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from holdfast.environment import check
from holdfast.environment.prune import throw_away
from holdfast.environment.store import Environment, Store
from holdfast.environment.tree import Digests
from holdfast.errors import MismatchError


def _spoil(path: Path) -> None:
    """An edit that nobody can see from the outside: same size, same mtime."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _built_afresh(store: Store, spec, **options) -> tuple[Environment, list[str]]:
    said: list[str] = []
    environment = store.restore(spec, on_progress=said.append, **options)
    return environment, said


@pytest.fixture
def hashed(monkeypatch) -> list[str]:
    """The files that were hashed."""
    paths: list[str] = []

    class Watched(Digests):
        def __init__(self, root, files):
            paths.extend(files)
            super().__init__(root, files)

    monkeypatch.setattr(check, "Digests", Watched)
    return paths


def test_a_spoilt_cache_is_noticed_and_fetched_again(store, locks, own_cache):
    spec = locks.spec("six", "idna")
    first = store.restore(spec)
    _spoil(first.site_packages / "six.py")
    throw_away(store.layout, first.key)
    again, said = _built_afresh(store, spec)
    assert any("fetching 1 packages again" in line for line in said)
    assert not store.inspect(again).paths
    assert not list(store.layout.building.iterdir())


def test_a_file_dropped_into_the_cache_is_noticed(store, locks, own_cache):
    spec = locks.spec("six")
    throw_away(store.layout, store.restore(spec).key)
    (archived,) = own_cache.glob("archive-v*/*/six.py")
    archived.with_name("evil.pth").write_text("import os")
    again, said = _built_afresh(store, spec)
    assert any("fetching" in line for line in said)
    assert not list(again.site_packages.glob("evil*"))


def test_offline_a_spoilt_cache_means_no_environment(store, locks, own_cache):
    spec = locks.spec("six")
    first = store.restore(spec)
    _spoil(first.site_packages / "six.py")
    throw_away(store.layout, first.key)
    with pytest.raises(MismatchError, match=r"six\.py \(six 1.*\): is not what its RECORD says"):
        store.restore(spec, offline=True)
    assert not first.path.exists()
    assert not list(store.layout.building.iterdir())
    assert not store.inspect(store.restore(spec)).paths


def test_what_was_hashed_is_not_hashed_again(store, locks, own_cache, hashed):
    store.restore(locks.spec("six", "idna"))
    assert any(path.endswith("/six.py") for path in hashed)
    hashed.clear()
    second = store.restore(locks.spec("six", "idna", "click"))
    names = {Path(path).name for path in hashed}
    assert "core.py" in names  # of click, which is new
    assert not names & {"six.py", "idnadata.py"}
    assert not store.inspect(second).paths


def test_what_was_touched_since_is_hashed_again(store, locks, own_cache, hashed):
    first = store.restore(locks.spec("six", "idna"))
    _spoil(first.site_packages / "six.py")
    hashed.clear()
    second, said = _built_afresh(store, locks.spec("six", "idna", "click"))
    assert any(path.endswith("/six.py") for path in hashed)
    assert any("fetching 1 packages again" in line for line in said)
    assert not store.inspect(second).paths
    assert store.inspect(first).paths


def test_without_links_all_is_hashed_every_time(store, locks, own_cache, hashed, monkeypatch):
    monkeypatch.setenv("UV_LINK_MODE", "copy")
    store.restore(locks.spec("six"))
    hashed.clear()
    store.restore(locks.spec("six", "idna"))
    assert any(path.endswith("/six.py") for path in hashed)


def test_inspect_names_everything_that_changed(store, locks, own_cache):
    environment = store.restore(locks.spec("six", "idna"))
    packages = environment.site_packages
    inside = packages.relative_to(environment.path)
    _spoil(packages / "six.py")
    packages.joinpath("idna", "core.py").unlink()
    packages.joinpath("evil.pth").write_text("import evil\n")
    packages.joinpath("sitecustomize.py").write_text("")
    packages.joinpath("idna", "__pycache__").mkdir()
    packages.joinpath("idna", "__pycache__", "core.cpython-311.pyc").write_bytes(b"\0")
    packages.joinpath("loose.pyc").write_bytes(b"\0")
    packages.joinpath("away").symlink_to("/etc")
    environment.path.joinpath("bin", "python3").unlink()
    environment.path.joinpath("bin", "python3").symlink_to("/bin/sh")
    seen = store.inspect(environment)
    assert seen.paths
    assert [(one.path, one.distributions) for one in seen.changed] == [
        (f"{inside}/six.py", ("six",))
    ]
    assert [(one.path, one.distributions) for one in seen.missing] == [
        (f"{inside}/idna/core.py", ("idna",))
    ]
    assert set(seen.stray) == {
        f"{inside}/{name}" for name in ("evil.pth", "sitecustomize.py", "loose.pyc")
    }
    assert set(seen.links) == {f"{inside}/away", "bin/python3"}
    assert set(seen.escaping) == {f"{inside}/away", "bin/python3"}
    assert seen.bytecode == (f"{inside}/idna/__pycache__/core.cpython-311.pyc",)


def test_inspect_does_not_trust_a_record_that_was_changed_along(store, locks, own_cache):
    environment = store.restore(locks.spec("six"))
    (record,) = environment.site_packages.glob("six-*.dist-info/RECORD")
    record.write_text(record.read_text() + "extra.py,,\n")
    environment.site_packages.joinpath("extra.py").write_text("")
    seen = store.inspect(environment)
    assert [Path(one.path).name for one in seen.changed] == ["RECORD"]
    assert [Path(path).name for path in seen.stray] == ["extra.py"]


def test_bytecode_alone_leaves_it_intact(store, locks, own_cache):
    environment = store.restore(locks.spec("six"))
    folder = environment.site_packages / "__pycache__"
    folder.mkdir()
    folder.joinpath("six.cpython-311.pyc").write_bytes(b"\0")
    seen = store.inspect(environment)
    assert not seen.paths
    assert len(seen.bytecode) == 1
