"""Making room takes what nobody uses, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from holdfast.environment.prune import prune_environments
from holdfast.errors import StoreError


def _age(store, environment, days: float) -> None:
    then = time.time() - days * 86400
    os.utime(store.layout.lease_lock(environment.key), (then, then))


@pytest.fixture
def two(store, locks):
    """An environment unused for ten days and one unused for one day."""
    old, new = (store.restore(locks.spec(name)) for name in ("six", "idna"))
    _age(store, old, 10)
    _age(store, new, 1)
    return old, new


def test_what_is_here_is_listed(store, two):
    old, new = store.list()
    assert (old.key, new.key) == (two[0].key, two[1].key)
    assert old.packages == 1
    assert old.python == two[0].python_version
    assert 0 < old.bytes < 10_000_000
    assert 0 < old.shared_bytes <= old.bytes
    assert not old.in_use
    assert 9 * 86400 < time.time() - old.last_used < 11 * 86400
    with store.lease(two[0]):
        assert [one.in_use for one in store.list()] == [False, True]


def test_by_age(store, two):
    old, new = two
    assert [one.key for one in store.prune(older_than=timedelta(days=5), dry_run=True)] == [old.key]
    assert old.path.exists()
    assert [one.key for one in store.prune(older_than=timedelta(days=5))] == [old.key]
    assert not old.path.exists()
    assert not old.inventory_path.exists()
    assert new.path.exists()
    assert not list(store.layout.trash.iterdir())


def test_by_size_the_longest_unused_first(store, two):
    sizes = [one.bytes for one in store.list()]
    assert [one.key for one in store.prune(max_bytes=sizes[1])] == [two[0].key]
    assert len(store.prune(max_bytes=0)) == 1
    assert store.list() == ()


def test_by_name_however_lately_it_was_used(store, locks, two):
    fresh = store.restore(locks.spec("click"))
    with store.lease(fresh):
        assert store.prune(key=fresh.key) == ()
    assert [one.key for one in store.prune(key=fresh.key, dry_run=True)] == [fresh.key]
    assert [one.key for one in store.prune(key=fresh.key)] == [fresh.key]
    assert [one.key for one in store.list()] == [one.key for one in two]


def test_without_a_limit_nothing_goes(store, two):
    assert store.prune() == ()
    assert len(store.list()) == 2


def test_what_was_just_handed_out_stays(store, locks):
    store.restore(locks.spec("six"))
    assert store.prune(max_bytes=0) == ()


def test_what_is_leased_stays(store, two):
    old, new = two
    with store.lease(old):
        _age(store, old, 10)
        assert [one.key for one in store.prune(max_bytes=0)] == [new.key]
    _age(store, old, 10)
    assert [one.key for one in store.prune(max_bytes=0)] == [old.key]
    with pytest.raises(StoreError, match="is gone") as caught, store.lease(old):
        pass
    assert caught.value.hint == "restore it again"


def test_a_lease_ends_with_its_process_however_it_dies(store, two):
    old, _ = two
    code = (
        "import sys, time; from holdfast.environment.lease import together;"
        "from pathlib import Path\n"
        "with together(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(store.layout.lease_lock(old.key))],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    assert old.key not in [one.key for one in store.prune(max_bytes=0)]
    holder.kill()
    holder.wait()
    assert [one.key for one in store.prune(max_bytes=0)] == [old.key]
    holder.stdout.close()


def test_a_pruned_environment_is_built_again(store, two, locks):
    spec = locks.spec("six")
    store.prune(max_bytes=0)
    assert store.restore(spec).path == two[0].path
    assert not store.inspect(two[0]).paths


def test_remains_of_dead_builds_and_prunes_go(store):
    store.layout.building.joinpath("key.1.aa").mkdir()
    store.layout.building.joinpath("key.1.aa.lock").touch()
    store.layout.trash.joinpath("key.2.bb").mkdir()
    store.prune()
    assert not [*store.layout.building.iterdir(), *store.layout.trash.iterdir()]


def test_nothing_of_a_pruned_environment_stays(store, two, locks):
    wheels = store.layout.wheels
    for name, days in (("old", 2), ("new", 0)):
        wheels.joinpath(name).mkdir()
        then = time.time() - days * 86400
        os.utime(wheels / name, (then, then))
    store.prune(max_bytes=0)
    assert [path.name for path in wheels.iterdir()] == ["new"]
    home = store.layout.home
    left = [p.relative_to(home).parts for p in home.rglob("*") if p.is_file()]
    kept = {"built.count", "ledger.json", "pythons"}
    assert [parts for parts in left if parts[0] not in kept] == []
    assert store.restore(locks.spec("six")).python.exists()


def test_restoring_and_pruning_at_once(store, locks):
    """Whatever prune does meanwhile, what restore hands out is there and stays for its while."""
    spec = locks.spec("six")
    for _ in range(10):
        environment = store.restore(spec)
        _age(store, environment, 10)
        child = os.fork()
        if child == 0:
            prune_environments(store.layout, max_bytes=0)
            os._exit(0)
        handed_out = store.restore(spec)
        os.waitpid(child, 0)
        assert handed_out.python.exists()
        assert handed_out.inventory_path.exists()
