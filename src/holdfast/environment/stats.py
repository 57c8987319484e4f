"""What Holdfast keeps on this disk, room by room, and what sharing saves of it.

uv links the files of its cache into environments, so a file has many names and one body: what
environments seem to weigh, and what they take.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.environment.counts import Counts, read_counts
from holdfast.environment.layout import Layout, explained

_BLOCK_BYTES = 512  # of st_blocks (POSIX)
# Folders of HOLDFAST_HOME, and of the store in it, as people call what is in them.
_ROOMS = (
    ("environments", ("store/environments", "store/inventories")),
    ("bytecode", ("store/pycache",)),
    ("wheels", ("store/wheels", "wheels", "built", "vendored")),
    ("image layers", ("layers", "gateway", "chosen")),
    ("image bases", ("bases",)),
    ("models", ("models",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One kind of what is kept.

    Attributes:
        name: "environments".
        items: How many: folders, or files, that stand side by side in it.
        apparent: Bytes, each name of a file counted.
        bytes: On the disk, each file counted once, and not again if an earlier room has it.
        linked: Of those, in files that have names elsewhere, too: in uv's cache.
    """

    name: str
    items: int
    apparent: int
    bytes: int
    linked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What is kept.

    Attributes:
        home: Where.
        rooms: What is there; empty ones, too.
        counts: How restores went.
    """

    home: Path
    rooms: tuple[Room, ...]
    counts: Counts

    @property
    def apparent(self) -> int:
        """What all of it would take, if nothing were shared."""
        return sum(room.apparent for room in self.rooms)

    @property
    def bytes(self) -> int:
        """What it takes on the disk."""
        return sum(room.bytes for room in self.rooms)

    @property
    def linked(self) -> int:
        """What of that is uv's cache's, too, and would be on the disk without Holdfast."""
        return sum(room.linked for room in self.rooms)

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "home": str(self.home),
            "rooms": [
                {
                    "name": one.name,
                    "items": one.items,
                    "apparent_bytes": one.apparent,
                    "bytes": one.bytes,
                    "linked_bytes": one.linked,
                }
                for one in self.rooms
            ],
            "apparent_bytes": self.apparent,
            "bytes": self.bytes,
            "linked_bytes": self.linked,
            "shared_bytes": self.apparent - self.bytes,
            "restores": self.counts.to_dict(),
        }


def read_stats(layout: Layout) -> Stats:
    """Look at all that is kept; a file of a hundred thousand takes a few microseconds.

    Raises:
        StoreError: It cannot be read.
    """
    seen: dict[tuple[int, int], int] = {}
    home = layout.home.parent
    with explained("the store cannot be read"):
        rooms = tuple(
            _room(name, [home / one for one in folders], seen) for name, folders in _ROOMS
        )
    return Stats(home=home, rooms=rooms, counts=read_counts(layout))


def _room(name: str, folders: list[Path], seen: dict[tuple[int, int], int]) -> Room:
    apparent = size = 0
    here: dict[tuple[int, int], os.stat_result] = {}
    for folder in folders:
        for found in _files(folder):
            took = found.st_blocks * _BLOCK_BYTES
            file = (found.st_dev, found.st_ino)
            apparent += took
            if file not in seen:
                size += took
                here[file] = found
            seen[file] = seen.get(file, 0) + 1
    # All names in one room are seen by now: whoever has more has them outside.
    linked = sum(
        found.st_blocks * _BLOCK_BYTES
        for file, found in here.items()
        if found.st_nlink > seen[file]
    )
    return Room(name=name, items=_items(folders[0]), apparent=apparent, bytes=size, linked=linked)


def _items(folder: Path) -> int:
    try:
        with os.scandir(folder) as entries:
            return sum(not entry.name.startswith(".") for entry in entries)
    except FileNotFoundError:
        return 0


def _files(folder: Path) -> Iterator[os.stat_result]:
    """Of all files below; what goes away meanwhile is not there."""
    folders = [str(folder)]
    while folders:
        with suppress(FileNotFoundError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield entry.stat(follow_symlinks=False)
