"""A full disk: an error with a hint, nothing half-written, and a store that still works."""

from __future__ import annotations

import os
import resource
import subprocess

import pytest

from holdfast.environment.store import Store
from holdfast.errors import StoreError


def _nothing_left(store: Store) -> bool:
    home = store.layout.home
    return not [
        *home.joinpath("environments").iterdir(),
        *store.layout.building.iterdir(),
        *home.glob(".*"),
    ]


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    mount = tmp_path / "disk"
    mount.mkdir()
    made = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", "size=400k,mode=700", "tmpfs", mount], check=False
    )
    if made.returncode != 0:
        pytest.skip("no file system may be mounted here")
    yield mount
    subprocess.run(["/bin/umount", "--lazy", mount], check=True)


def test_a_disk_that_is_full(small_disk, locks):
    store = Store.open(small_disk)
    spec = locks.spec("six", "idna", "click")
    with pytest.raises(StoreError, match="No space left") as caught:
        store.restore(spec)
    assert "prune" in caught.value.hint
    assert _nothing_left(store)
    subprocess.run(["/bin/mount", "-o", "remount,size=64m", small_disk], check=True)
    assert not store.inspect(store.restore(spec)).paths


def test_a_limit_on_file_size(store, locks, monkeypatch):
    spec = locks.spec("six", "idna", "click")
    monkeypatch.setenv("UV_LINK_MODE", "copy")
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            store.restore(spec)
        except StoreError as error:
            os._exit(0 if error.hint and "prune" in error.hint else 2)
        except BaseException:  # noqa: BLE001
            os._exit(3)
        os._exit(4)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert _nothing_left(store)
    assert not store.inspect(store.restore(spec)).paths
