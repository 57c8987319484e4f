"""Making room among the kept layers."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from holdfast.environment.layout import explained
from holdfast.image.layers.kept import BLOB, NOTE

# The folder of the kept layers, in Holdfast's own.
LAYERS = "layers"
# What a build has just taken is about to be written or pushed.
MINIMUM_AGE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """A kept layer that went, or would have.

    Attributes:
        key: Its key.
        bytes: Of its blob.
        last_used: Seconds since the epoch.
    """

    key: str
    bytes: int
    last_used: float


def prune_layers(
    folder: Path,
    *,
    older_than: timedelta | None = None,
    max_bytes: int | None = None,
    dry_run: bool = False,
    minimum_age: timedelta = MINIMUM_AGE,
) -> tuple[Pruned, ...]:
    """Remove kept layers, the longest unused first, and what killed builds left.

    Args:
        folder: Of the kept layers; need not be there.
        older_than: Those not used for this long go.
        max_bytes: More go until all together are no bigger than this.
        dry_run: Say what would go; remove nothing.
        minimum_age: Whatever was used within this time stays.

    Raises:
        StoreError: The folder cannot be read or written.
    """
    now = time.time()
    removed = []
    with explained(f"the kept layers in {folder} cannot be pruned"):
        listed = sorted(_list(folder), key=lambda one: one.last_used)
        total = sum(one.bytes for one in listed)
        for one in listed:
            age = now - one.last_used
            left_over = one.key.startswith(".")
            old = older_than is not None and age > older_than.total_seconds()
            big = max_bytes is not None and total > max_bytes
            if (old or big or left_over) and age > minimum_age.total_seconds():
                removed.append(one)
                total -= one.bytes
                if not dry_run:
                    shutil.rmtree(folder / one.key, ignore_errors=True)
    return tuple(one for one in removed if not one.key.startswith("."))


def _list(folder: Path) -> Iterator[Pruned]:
    """All that is there; a name that begins with "." is of what is or was being made."""
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return
    for name in names:
        try:
            used = (folder / name / NOTE).stat().st_mtime
            size = (folder / name / BLOB).stat().st_size
        except FileNotFoundError:
            used, size = (folder / name).stat().st_mtime, 0
        yield Pruned(key=name, bytes=size, last_used=used)
