"""Places: files and folders of any file system that pyarrow knows, by path or URI.

What goes wrong there is said in Holdfast's errors, with the place's name and never with the
credentials that a URI may hold.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

import pyarrow as pa
from pyarrow import fs

from holdfast.errors import InputError, StoreError
from holdfast.redact import redact

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_WILD = "*?["


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder: its file system, its path there, and how it is called in messages."""

    system: fs.FileSystem = field(compare=False)  # pyarrow's have no hash; the name has the scheme
    path: str
    name: str

    def __truediv__(self, below: str) -> Place:
        base = self.path.rstrip("/")
        return Place(self.system, f"{base}/{below}", f"{self.name.rstrip('/')}/{below}")

    @property
    def is_local(self) -> bool:
        """Whether it lies in this machine's own file system."""
        return isinstance(self.system, fs.LocalFileSystem)

    def info(self) -> fs.FileInfo:
        """What is there; see `explained` for what is raised."""
        with explained(self.name, "read"):
            (found,) = self.system.get_file_info([self.path])
        return found


@dataclass(frozen=True, slots=True)
class File:
    """A file that was found: its path below the folder that was looked through, size and time."""

    place: Place
    below: str
    size: int
    mtime: int


def place_of(text: str | os.PathLike[str]) -> Place:
    """The place that a path or a URI (`s3://…`, `gs://…`, `hdfs://…`, `file://…`) names.

    Raises:
        InputError: No file system is known for it.
    """
    named = os.fspath(text)
    try:
        if "://" in named:
            system, path = fs.FileSystem.from_uri(named)
            return Place(system, path, redact(named))
    except (pa.ArrowException, OSError, ValueError, ImportError) as error:
        raise InputError(f"{redact(named)} cannot be reached: {redact(str(error))}") from error
    return Place(fs.LocalFileSystem(), os.path.abspath(named) if named else "", named)  # noqa: PTH100


def find_files(text: str | os.PathLike[str]) -> list[File]:
    """The files that a path, a folder or a pattern names, in the order of their names.

    As in Spark and Arrow, what begins with "_" or "." is nobody's data.

    Raises:
        InputError: It is not there, or may not be read.
    """
    named = os.fspath(text)
    if any(sign in named for sign in _WILD) and not place_of(named).info().is_file:
        return _matching(named)
    place = place_of(named)
    found = place.info()
    if found.type == fs.FileType.NotFound or not named:
        raise InputError(
            f"{place.name or 'an input without a name'} is not there",
            hint="name a file, a folder or a pattern of files",
        )
    if found.is_file:
        return [_file(place, found, PurePosixPath(found.path).name)]
    return _below(place)


def _matching(pattern: str) -> list[File]:
    """Files whose path matches; "*" stays within a folder, "**" does not."""
    wild = min(pattern.index(sign) for sign in _WILD if sign in pattern)
    base, _, rest = pattern[:wild].rpartition("/")
    rest += pattern[wild:]
    top = place_of(base or ("/" if pattern.startswith("/") else "."))
    if top.info().type != fs.FileType.Directory:
        return []
    return [file for file in _below(top) if _matches(file.below.split("/"), rest.split("/"))]


def _matches(parts: list[str], wanted: list[str]) -> bool:
    if not wanted:
        return not parts
    if wanted[0] == "**":
        return any(_matches(parts[at:], wanted[1:]) for at in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], wanted[0]) and _matches(parts[1:], wanted[1:])


def _below(folder: Place) -> list[File]:
    with explained(folder.name, "read"):
        infos = folder.system.get_file_info(fs.FileSelector(folder.path, recursive=True))
    start = len(folder.path.rstrip("/")) + 1
    files = [
        _file(folder / info.path[start:], info, info.path[start:])
        for info in infos
        if info.is_file and not any(part[0] in "._" for part in info.path[start:].split("/"))
    ]
    return sorted(files, key=lambda file: file.below)


def _file(place: Place, info: fs.FileInfo, below: str) -> File:
    return File(place, below, info.size or 0, info.mtime_ns or 0)


@contextmanager
def explained(name: str, doing: str) -> Iterator[None]:
    """Say in one sentence what a file system, or a file's reader, refuses.

    Args:
        name: The place's.
        doing: "read" or "written".

    Raises:
        InputError: It cannot be read or written, whoever tries again.
        StoreError: The disk is full.
    """
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        number = error.errno if isinstance(error, OSError) else None
        why = os.strerror(number) if number else redact(str(error)).partition("\n")[0]
        message = f"{name} cannot be {doing}: {why}"
        if number in _NO_ROOM:
            raise StoreError(message, hint="free some disk, then start the same again") from error
        raise InputError(message) from error
