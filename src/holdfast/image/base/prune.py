"""Making room among what is kept of bases. All of it can be had again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from holdfast.environment.layout import explained

# The folder of what is kept of bases, in Holdfast's own.
BASES = "bases"
# What a build has just opened is about to be written or pushed.
MINIMUM_AGE = timedelta(hours=1)
_BLOBS = ("blobs/sha256", "pulled/blobs/sha256")
_UNFINISHED = "incoming"
_NOTES = ("listings", "opened", "code")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """A blob of a base, or a note of what is in one.

    Attributes:
        path: Where it lies.
        bytes: On the disk.
        last_used: Seconds since the epoch.
    """

    path: Path
    bytes: int
    last_used: float


def list_bases(folder: Path) -> tuple[KeptFile, ...]:
    """The blobs of bases that are kept, the longest unused first.

    Raises:
        StoreError: The folder cannot be read.
    """
    with explained(f"the kept bases in {folder} cannot be read"):
        return tuple(_listed(folder, _BLOBS))


def prune_bases(
    folder: Path,
    *,
    older_than: timedelta | None = None,
    max_bytes: int | None = None,
    dry_run: bool = False,
    minimum_age: timedelta = MINIMUM_AGE,
) -> tuple[KeptFile, ...]:
    """Remove what is kept of bases, the longest unused first, and what killed builds left.

    Args:
        folder: Where `open_base` keeps things; need not be there.
        older_than: Blobs not used, and notes not made, for this long go.
        max_bytes: More blobs go until all together are no bigger than this.
        dry_run: Say what would go; remove nothing.
        minimum_age: Whatever was used within this time stays.

    Returns:
        The blobs that went, or would have.

    Raises:
        StoreError: The folder cannot be read or written.
    """
    now = time.time()
    removed = []
    with explained(f"the kept bases in {folder} cannot be pruned"):
        blobs = _listed(folder, _BLOBS)
        total = sum(one.bytes for one in blobs)
        for one in blobs:
            big = max_bytes is not None and total > max_bytes
            if (big or _is_old(one, now, older_than)) and _is_old(one, now, minimum_age):
                removed.append(one)
                total -= one.bytes
        notes = [one for one in _listed(folder, _NOTES) if _is_old(one, now, older_than)]
        left = [one for one in _listed(folder, (_UNFINISHED,)) if _is_old(one, now, minimum_age)]
        for one in () if dry_run else (*removed, *notes, *left):
            one.path.unlink(missing_ok=True)
    return tuple(removed)


def _is_old(one: KeptFile, now: float, age: timedelta | None) -> bool:
    return age is not None and now - one.last_used > age.total_seconds()


def _listed(folder: Path, places: tuple[str, ...]) -> list[KeptFile]:
    found = (one for place in places for one in _in(folder / place))
    return sorted(found, key=lambda one: one.last_used)


def _in(folder: Path) -> Iterator[KeptFile]:
    for path in folder.iterdir() if folder.is_dir() else ():
        try:
            stat = path.stat()
        except FileNotFoundError:  # pruned by somebody else meanwhile
            continue
        yield KeptFile(path=path, bytes=stat.st_size, last_used=stat.st_mtime)
