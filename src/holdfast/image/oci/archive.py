"""The files in a tar, read where they lie.

A tar is other people's input: no path in it is ever used as one, and what is no plain file is not
there.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from holdfast.errors import InputError, MismatchError

# Far more blobs than any image has.
_MOST_MEMBERS = 20_000


@dataclass(frozen=True, slots=True)
class Archive:
    """A tar whose files can be read.

    Attributes:
        path: The tar.
        members: Where each file begins, and its bytes.
        made: Files that are not in the tar, by their names.
    """

    path: Path
    members: Mapping[str, tuple[int, int]]
    made: Mapping[str, bytes] = field(default_factory=dict)

    def open(self, name: str) -> BinaryIO:
        """A file's bytes.

        Raises:
            FileNotFoundError: There is none of that name.
        """
        if name in self.made:
            return io.BytesIO(self.made[name])
        try:
            offset, size = self.members[name]
        except KeyError:
            raise FileNotFoundError(name) from None
        stream = self.path.open("rb", buffering=0)
        stream.seek(offset)
        return cast("BinaryIO", io.BufferedReader(_Part(stream, size)))

    def plain(self, name: str) -> Path | None:
        """No file: a part of one is none."""
        del name
        return None


class _Part(io.RawIOBase):
    """So many bytes of a file, from where it stands."""

    def __init__(self, stream: io.FileIO, size: int) -> None:
        super().__init__()
        self._stream = stream
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        length = self._stream.readinto(buffer[: min(self._left, len(buffer))])
        self._left -= length
        return length

    def close(self) -> None:
        self._stream.close()
        super().close()


def members_of(path: Path) -> dict[str, tuple[int, int]]:
    """Where each plain file of a tar begins, and its size in bytes.

    Raises:
        InputError: It is no tar, or one that names a file twice.
    """
    found: dict[str, tuple[int, int]] = {}
    links: dict[str, str] = {}
    try:
        length = path.stat().st_size
        with tarfile.open(path, "r:") as archive:
            for member in _bounded(archive, path):
                name = member.name.removeprefix("./")
                if name in found or name in links:
                    raise MismatchError(f"{path} has {name!r} twice")
                if member.isreg() and member.offset_data + member.size <= length:
                    found[name] = (member.offset_data, member.size)
                elif member.issym():  # old Dockers: a layer that is there twice
                    led = posixpath.normpath(posixpath.join(name, "..", member.linkname))
                    links[name] = led
    except (tarfile.TarError, ValueError) as error:
        raise InputError(
            f"{path} is no tar that can be read: {error}", hint="decompress it, if it is compressed"
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    return found | {name: found[led] for name, led in links.items() if led in found}


def _bounded(archive: tarfile.TarFile, path: Path) -> Iterator[tarfile.TarInfo]:
    for count, member in enumerate(archive):
        if count >= _MOST_MEMBERS:
            raise InputError(f"{path} has more than {_MOST_MEMBERS} files")
        yield member
