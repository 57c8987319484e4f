"""What was hashed already: uv's cache is hardlinked into environments, so one file has many names.

A file that was hashed in an earlier environment need not be hashed again in the next, if nobody
wrote to it since. Making and removing a hardlink changes an inode's ctime, so that question must be
asked *before* uv links, through the earlier environment's name for the file: its size and mtime are
those of that environment's inventory, and its ctime is no later than when the inventory was taken.
After uv has linked, the same inode with the same size and mtime, and a ctime since the question, is
the same file. Anything else is hashed again; the ledger saves time and never decides what is right.

Kept: for each package, the environment that had it last. Builders that finish at once may lose each
other's entries, which costs time later and nothing else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping

from holdfast.environment.inventory import Inventory, Row, read_inventory
from holdfast.environment.layout import Layout, write_whole
from holdfast.environment.plan import Package
from holdfast.errors import StoreError

# No file of a store that is used every day; past it, entries of long gone environments go first.
_MOST_ENTRIES = 20_000


# A file whose bytes were hashed and have not been written to since: size in bytes, mtime in ns,
# digest.
Known = tuple[int, int, str]


class Ledger:
    """What one build may take as hashed."""

    def __init__(self, known: Mapping[tuple[int, int], Known], asked_ns: int) -> None:
        """Keep what was found.

        Args:
            known: By device and inode.
            asked_ns: When that was true, on the file system's own clock.
        """
        self._known = known
        self._asked_ns = asked_ns

    def digest(self, found: os.stat_result) -> str | None:
        """The digest of a file that uv linked just now, if it is known."""
        known = self._known.get((found.st_dev, found.st_ino))
        if known is None:
            return None
        size, mtime_ns, digest = known
        unchanged = found.st_size == size and found.st_mtime_ns == mtime_ns
        return digest if unchanged and found.st_ctime_ns >= self._asked_ns else None


def recall(layout: Layout, packages: Iterable[Package], asked_ns: int) -> Ledger:
    """Which files of these packages are hashed and unchanged, seen through earlier environments.

    Args:
        layout: The store.
        packages: Those about to be installed.
        asked_ns: The file system's clock before this call: the ctime of a folder just made.
    """
    entries = _entries(layout)
    pins: dict[str, set[str]] = {}
    for package in packages:
        key = entries.get(_name(package))
        if isinstance(key, str):
            pins.setdefault(key, set()).add(package.pin)
    known: dict[tuple[int, int], Known] = {}
    for key, wanted in pins.items():
        try:
            inventory = read_inventory(layout.inventory(key))
        except StoreError:
            continue
        root = str(layout.environment(key))
        for distribution in inventory.distributions:
            if distribution.pin in wanted:
                _recall_files(root, inventory, distribution.files, known)
    return Ledger(known, asked_ns)


def _recall_files(
    root: str,
    inventory: Inventory,
    rows: Iterable[Row],
    known: dict[tuple[int, int], Known],
) -> None:
    lstat, checked_ns = os.lstat, inventory.checked_ns
    for path, size, mtime_ns, digest in rows:
        try:
            found = lstat(f"{root}/{path}")
        except OSError:
            continue
        if (
            found.st_ctime_ns <= checked_ns
            and found.st_mtime_ns == mtime_ns
            and found.st_size == size
            # With this one name it can be in no other environment.
            and found.st_nlink > 1
        ):
            known[found.st_dev, found.st_ino] = (size, mtime_ns, digest)


def remember(layout: Layout, packages: Iterable[Package], key: str) -> None:
    """Note that the environment `key` had these packages last.

    Raises:
        OSError: The ledger cannot be written.
    """
    entries = _entries(layout)
    for package in packages:
        entries.pop(_name(package), None)
        entries[_name(package)] = key
    kept = dict(list(entries.items())[-_MOST_ENTRIES:])
    write_whole(layout.ledger, json.dumps(kept))


def _entries(layout: Layout) -> dict[str, object]:
    try:
        return dict(json.loads(layout.ledger.read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def _name(package: Package) -> str:
    return f"{package.chosen.name}-{package.pin}"
