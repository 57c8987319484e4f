"""What the store holds, and making room in it.

Never takes what is in use: an environment goes only while nobody has a lease on it and nobody was
given it lately. It goes by its name first, in one step, and by its files after.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from holdfast.environment.inventory import read_inventory
from holdfast.environment.layout import Layout, explained
from holdfast.environment.lease import alone_if_free
from holdfast.environment.prune_wheels import tidy_wheels
from holdfast.environment.tree import scan
from holdfast.errors import StoreError

# What `restore` has just handed out has no lease yet.
MINIMUM_AGE = timedelta(minutes=10)
_BLOCK_BYTES = 512  # of st_blocks (POSIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One environment of the store.

    Attributes:
        key: Its name.
        path: Its folder.
        python: Full version of its Python; "" where its inventory cannot be read.
        packages: How many.
        bytes: On the disk, its bytecode included.
        shared_bytes: How many of those are in files with other names too (uv's cache, another
            environment): removing this environment alone does not free them.
        created: Seconds since the epoch.
        last_used: Seconds since the epoch.
        in_use: Whether somebody has a lease on it.
    """

    key: str
    path: Path
    python: str
    packages: int
    bytes: int
    shared_bytes: int
    created: float
    last_used: float
    in_use: bool


def list_environments(layout: Layout) -> tuple[Listed, ...]:
    """Every environment of the store, the longest unused first.

    Raises:
        StoreError: The store cannot be read.
    """
    with explained("the store cannot be read"):
        found = [_listed(layout, key) for key in _keys(layout)]
    return tuple(sorted((one for one in found if one), key=lambda one: one.last_used))


def _keys(layout: Layout) -> Iterator[str]:
    with os.scandir(layout.environment("")) as entries:
        yield from (entry.name for entry in entries if entry.is_dir(follow_symlinks=False))


def _listed(layout: Layout, key: str) -> Listed | None:
    path = layout.environment(key)
    try:
        size, shared = _disk_usage(path)
        size += _disk_usage(layout.pycache(key))[0] if layout.pycache(key).is_dir() else 0
        last_used = _last_used(layout, key)
    except FileNotFoundError:  # pruned by somebody else meanwhile
        return None
    python, packages, created = "", 0, last_used
    try:
        inventory = read_inventory(layout.inventory(key))
        python = str(inventory.interpreter["facts"]["version"])
        packages, created = len(inventory.distributions), inventory.created
    except (StoreError, KeyError, TypeError):
        pass
    with alone_if_free(layout.lease_lock(key)) as free:
        in_use = not free
    return Listed(
        key=key,
        path=path,
        python=python,
        packages=packages,
        bytes=size,
        shared_bytes=shared,
        created=created,
        last_used=last_used,
        in_use=in_use,
    )


def _last_used(layout: Layout, key: str) -> float:
    try:
        return layout.lease_lock(key).stat().st_mtime
    except FileNotFoundError:
        return layout.environment(key).stat().st_mtime


def _disk_usage(path: Path) -> tuple[int, int]:
    """Bytes on the disk, and how many of them have another name too."""
    files = scan(str(path)).files.values()
    total = sum(found.st_blocks for found in files)
    shared = sum(found.st_blocks for found in files if found.st_nlink > 1)
    return total * _BLOCK_BYTES, shared * _BLOCK_BYTES


def prune_environments(
    layout: Layout,
    *,
    older_than: timedelta | None = None,
    max_bytes: int | None = None,
    key: str | None = None,
    dry_run: bool = False,
    minimum_age: timedelta = MINIMUM_AGE,
) -> tuple[Listed, ...]:
    """Remove environments, the longest unused first, and what dead builds left.

    Args:
        layout: The store.
        older_than: Those not used for this long go.
        max_bytes: More go until all together are no bigger than this.
        key: The one of this name goes, however lately it was used; not while it is in use.
        dry_run: Say what would go; remove nothing.
        minimum_age: Whatever was used within this time stays.

    Raises:
        StoreError: The store cannot be written.
    """
    from holdfast.environment.build import sweep

    with explained("the store cannot be pruned"):
        removed = []
        listed = list_environments(layout)
        total = sum(one.bytes for one in listed)
        for one in listed:
            old = (
                older_than is not None and time.time() - one.last_used > older_than.total_seconds()
            )
            big = max_bytes is not None and total > max_bytes
            named = one.key == key
            age = timedelta(0) if named else minimum_age
            if (old or big or named) and _remove(layout, one, age, dry_run):
                removed.append(one)
                total -= one.bytes
        if not dry_run:
            sweep(layout)
            _tidy(layout)
    return tuple(removed)


def _remove(layout: Layout, one: Listed, minimum_age: timedelta, dry_run: bool) -> bool:  # noqa: FBT001
    """Whether it went, or would have; not while it is leased, nor soon after it was handed out."""
    with alone_if_free(layout.lease_lock(one.key)) as free:
        if not free or time.time() - _last_used(layout, one.key) < minimum_age.total_seconds():
            return False
        if not dry_run:
            throw_away(layout, one.key)
        return True


def throw_away(layout: Layout, key: str) -> None:
    """Take an environment out of the store; the caller holds its lease lock alone."""
    doomed = layout.trash / f"{key}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        layout.environment(key).rename(doomed)
    except FileNotFoundError:
        return
    layout.inventory(key).unlink(missing_ok=True)
    shutil.rmtree(doomed, ignore_errors=True)
    shutil.rmtree(layout.pycache(key), ignore_errors=True)


def _tidy(layout: Layout) -> None:
    """Remove what belongs to environments that are gone, and what a dead prune left behind."""
    for doomed in layout.trash.iterdir():
        shutil.rmtree(doomed, ignore_errors=True)
    for lock in layout.build_lock("").parent.glob("*.build"):
        _tidy_key(layout, lock.stem)
    keys = set(_keys(layout))
    for request in layout.request("").parent.glob("*.json"):
        key = _key_of(request)
        # In an image the name is a link, and no key of ours to prune.
        if not key or not layout.environment(key).exists():
            request.unlink(missing_ok=True)
    tidy_wheels(layout, {pin for key in keys for pin in _pins(layout, key)})


def _tidy_key(layout: Layout, key: str) -> None:
    # With the build lock held nobody is about to give the environment its name.
    with alone_if_free(layout.build_lock(key)) as free:
        if not free or layout.environment(key).exists():
            return
        with alone_if_free(layout.lease_lock(key)) as unused:
            if unused:
                layout.inventory(key).unlink(missing_ok=True)
                shutil.rmtree(layout.pycache(key), ignore_errors=True)
                layout.lease_lock(key).unlink(missing_ok=True)
                layout.build_lock(key).unlink(missing_ok=True)


def _key_of(request: Path) -> str:
    try:
        return str(json.loads(request.read_bytes())["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _pins(layout: Layout, key: str) -> list[str]:
    try:
        return [one.pin for one in read_inventory(layout.inventory(key)).distributions]
    except StoreError:
        return []
