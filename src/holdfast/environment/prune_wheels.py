"""Making room in the wheel store.

Two kinds of wheels lie there. First-party ones came with a model, and stay while an environment
that was built from them does. Those that were fetched or built for an image (they have a note
beside them) are a cache: they stay until somebody asks for room.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from holdfast.environment.layout import Layout, explained
from holdfast.environment.lease import alone_if_free
from holdfast.environment.wheels import LOCK, NOTE

# What a fetch has just given out is about to be used.
_MINIMUM_AGE = timedelta(minutes=10)
_REMAINS_AGE = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptWheel:
    """What is kept of one locked file: a wheel, or the few built from one sdist.

    Attributes:
        folder: Where; named by the file's sha256, or a commit.
        names: The wheels' file names.
        bytes: Of all of it.
        last_used: Seconds since the epoch.
    """

    folder: Path
    names: tuple[str, ...]
    bytes: int
    last_used: float


def list_wheels(layout: Layout) -> tuple[KeptWheel, ...]:
    """The wheels that were fetched or built, the longest unused first.

    Raises:
        StoreError: The store cannot be read.
    """
    with explained("the wheel store cannot be read"):
        found = [one for folder in layout.wheels.iterdir() if (one := _kept(folder))]
    return tuple(sorted(found, key=lambda one: (one.last_used, one.folder)))


def _kept(folder: Path) -> KeptWheel | None:
    try:
        sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
        last_used = folder.stat().st_mtime
    except (FileNotFoundError, NotADirectoryError):  # pruned by somebody else meanwhile
        return None
    if not any(name.endswith(NOTE) for name in sizes):
        return None
    names = tuple(sorted(name for name in sizes if name.endswith(".whl")))
    return KeptWheel(folder=folder, names=names, bytes=sum(sizes.values()), last_used=last_used)


def prune_wheels(
    layout: Layout,
    *,
    older_than: timedelta | None = None,
    max_bytes: int | None = None,
    dry_run: bool = False,
    minimum_age: timedelta = _MINIMUM_AGE,
) -> tuple[KeptWheel, ...]:
    """Remove wheels that were fetched or built, the longest unused first; what went.

    Args:
        layout: The store.
        older_than: Those not used for this long go.
        max_bytes: More go until all together are no bigger than this.
        dry_run: Say what would go; remove nothing.
        minimum_age: Whatever was used within this time stays.

    Raises:
        StoreError: The store cannot be written.
    """
    removed = []
    with explained("the wheel store cannot be pruned"):
        listed = list_wheels(layout)
        total = sum(one.bytes for one in listed)
        for one in listed:
            age = time.time() - one.last_used
            old = older_than is not None and age > older_than.total_seconds()
            big = max_bytes is not None and total > max_bytes
            if (old or big) and age > minimum_age.total_seconds() and _remove(one, dry_run):
                removed.append(one)
                total -= one.bytes
    return tuple(removed)


def _remove(one: KeptWheel, dry_run: bool) -> bool:  # noqa: FBT001
    """Whether it went, or would have; not while somebody fetches it."""
    with alone_if_free(one.folder / LOCK) as free:
        if free and not dry_run:
            shutil.rmtree(one.folder, ignore_errors=True)
        return free


def tidy_wheels(layout: Layout, pins: Collection[str]) -> None:
    """Remove what nothing needs: first-party wheels of no environment, and remains of downloads.

    Args:
        layout: The store.
        pins: What the environments were built from.
    """
    for folder in _unneeded(layout, pins):
        shutil.rmtree(folder, ignore_errors=True)


def _unneeded(layout: Layout, pins: Collection[str]) -> Iterator[Path]:
    for folder in layout.wheels.iterdir():
        # New ones may be about to be used, and a download may be taken up again.
        age = time.time() - folder.stat().st_mtime
        if folder.name not in pins and age > _REMAINS_AGE.total_seconds() and not _kept(folder):
            yield folder
