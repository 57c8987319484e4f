"""What was hashed already: uv's cache is hardlinked into environments, so one file has many names.

A file (device and inode) that was hashed in an earlier environment need not be hashed again in the
next, if nobody wrote to it since. Making and removing a hardlink changes an inode's ctime, so that
question must be asked *before* uv links, through the earlier environment's name for the file:
size, mtime and ctime are as they were when it was hashed. After uv has linked, the same inode with
the same size and mtime, and a ctime since the question, is the same file. Anything else is hashed
again; the ledger saves time and never decides what is right.
"""

# ruff: noqa: PTH

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from holdfast.environment.layout import Layout, write_whole
from holdfast.environment.plan import Package


class Known(NamedTuple):
    """A file whose bytes were hashed and have not been written to since."""

    size: int
    mtime_ns: int
    digest: str


class Ledger:
    """What one build may take as hashed.

    Attributes:
        known: (device, inode) of each file.
        asked_ns: When that was true, on the file system's own clock.
    """

    def __init__(self, known: Mapping[tuple[int, int], Known], asked_ns: int) -> None:
        self.known = known
        self.asked_ns = asked_ns

    def digest(self, found: os.stat_result) -> str | None:
        """The digest of a file that uv linked just now, if it is known."""
        known = self.known.get((found.st_dev, found.st_ino))
        if (
            known is None
            or known.size != found.st_size
            or known.mtime_ns != found.st_mtime_ns
            or found.st_ctime_ns < self.asked_ns
        ):
            return None
        return known.digest


def recall(layout: Layout, packages: Iterable[Package], asked_ns: int) -> Ledger:
    """Which files of these packages are hashed and unchanged, seen through an earlier environment.

    Args:
        layout: The store.
        packages: Those about to be installed.
        asked_ns: The file system's clock before this call: the ctime of a file just made.
    """
    known: dict[tuple[int, int], Known] = {}
    for package in packages:
        try:
            page = json.loads((layout.ledger / _page(package)).read_bytes())
            _recall_page(page, known)
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return Ledger(known, asked_ns)


def _recall_page(page: Mapping[str, object], known: dict[tuple[int, int], Known]) -> None:
    root, device, rows = page["root"], page["device"], page["files"]
    assert isinstance(rows, list)  # noqa: S101  # we wrote it
    for path, inode, size, mtime_ns, ctime_ns, digest in rows:
        try:
            found = os.lstat(f"{root}/{path}")
        except OSError:
            continue
        if (
            found.st_ino == inode
            and found.st_ctime_ns == ctime_ns
            and found.st_mtime_ns == mtime_ns
            and found.st_size == size
            and found.st_dev == device
        ):
            known[found.st_dev, inode] = Known(size, mtime_ns, digest)


def remember(
    layout: Layout,
    package: Package,
    root: str,
    files: Iterable[tuple[str, os.stat_result, str]],
) -> None:
    """Write down what was hashed of one package, over what was known of it.

    Args:
        layout: The store.
        package: Whose files they are.
        root: The environment's folder under its final name.
        files: Path relative to it, its stat, its digest. Files with one name only are left out:
            no other environment can have them.
    """
    rows = []
    device = 0
    for path, found, digest in files:
        if found.st_nlink > 1:
            device = found.st_dev
            rows.append(
                [path, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, digest]
            )
    if rows:
        page = json.dumps({"root": root, "device": device, "files": rows})
        write_whole(layout.ledger / _page(package), page)


def _page(package: Package) -> str:
    return f"{package.chosen.name}-{package.pin[:40]}.json"
