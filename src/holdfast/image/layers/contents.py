"""Reading what an entry holds, piece by piece, and only if it is what it must be.

A wheel and a model are other people's: what was said of a file's size and digest is compared with
what comes while it is read, and never more than that size is unpacked. Whoever reads to the end
without an error has the right bytes.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from zlib_ng import zlib_ng

from holdfast.errors import MismatchError
from holdfast.image.values import Stored

# What is held of one file at a time, in bytes.
CHUNK_BYTES = 1 << 20
_RAW_DEFLATE = -15


class Contents:
    """The files that a layer's contents lie in: a wheel is opened once for all that is in it."""

    def __init__(self, opened: ExitStack) -> None:
        """Keep nothing open yet.

        Args:
            opened: What closes the wheels.
        """
        self._opened = opened
        self._wheels: dict[Path, int] = {}

    def open(self, content: bytes | Path | Stored) -> tuple[int, Iterator[bytes]]:
        """A file's size in bytes, and its bytes in pieces of at most `CHUNK_BYTES`.

        Raises:
            MismatchError: While the pieces are taken: they are not what was said of them.
            OSError: It cannot be read, or is no regular file.
        """
        if isinstance(content, bytes):
            return len(content), iter((content,))
        if isinstance(content, Path):
            descriptor = _open(content)
            about = Stored(path=content, size=os.fstat(descriptor).st_size)
            return about.size, _closing(descriptor, about)
        if content.packed is None and not content.offset:
            return content.size, _closing(_open(content.path), content)
        return content.size, _pieces(self._wheel(content.path), content)

    def _wheel(self, path: Path) -> int:
        descriptor = self._wheels.get(path)
        if descriptor is None:
            descriptor = self._wheels[path] = _open(path)
            self._opened.callback(os.close, descriptor)
        return descriptor


def read_stored(content: Stored) -> bytes:
    """All of a small file.

    Raises:
        MismatchError: It is not what was said of it.
        OSError: It cannot be read.
    """
    return b"".join(_closing(_open(content.path), content))


def begins(content: Stored, beginning: bytes) -> bool:
    """Whether a file begins so; only so much of it is unpacked, and nothing is checked.

    Raises:
        MismatchError: It cannot be unpacked.
        OSError: It cannot be read.
    """
    descriptor = _open(content.path)
    try:
        some = os.pread(descriptor, min(content.packed or content.size, 4096), content.offset)
    finally:
        os.close(descriptor)
    if content.packed is not None:
        some = _inflate(zlib_ng.decompressobj(_RAW_DEFLATE), some, len(beginning), content)
    return some.startswith(beginning)


def _open(path: Path) -> int:
    """Open a regular file, never a link, and without waiting: a pipe's other end may never come."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor


def _closing(descriptor: int, content: Stored) -> Iterator[bytes]:
    try:
        yield from _pieces(descriptor, content)
    finally:
        os.close(descriptor)


def _pieces(descriptor: int, content: Stored) -> Iterator[bytes]:
    """The bytes, counted and hashed on their way."""
    if content.packed is None:
        pieces = _read(descriptor, content.offset, content.size)
    elif content.size <= CHUNK_BYTES:
        pieces = _inflate_whole(descriptor, content)
    else:
        pieces = _inflate_long(descriptor, content)
    count, state = 0, hashlib.sha256()
    for piece in pieces:
        count += len(piece)
        if count > content.size:
            raise _differs(content, f"more than {content.size} bytes come out of it")
        if content.sha256 is not None:
            state.update(piece)
        yield piece
    if count < content.size:
        raise _differs(content, f"{content.size} bytes expected, {count} found")
    if content.sha256 is not None and state.digest() != content.sha256:
        raise _differs(
            content, f"sha256 {content.sha256.hex()} expected, {state.hexdigest()} found"
        )


def _read(descriptor: int, offset: int, size: int) -> Iterator[bytes]:
    end = offset + size
    while offset < end:
        piece = os.pread(descriptor, min(CHUNK_BYTES, end - offset), offset)
        if not piece:
            return
        offset += len(piece)
        yield piece


def _inflate_whole(descriptor: int, content: Stored) -> Iterator[bytes]:
    count = content.packed or 0
    if count > content.size + (content.size >> 3) + 1024:
        raise _differs(content, f"nobody packs {content.size} bytes into {count}")
    packed = os.pread(descriptor, count, content.offset)
    inflater = zlib_ng.decompressobj(_RAW_DEFLATE)
    # One byte more than there may be is enough to see that it is too much.
    yield _inflate(inflater, packed, content.size + 1, content)
    if not inflater.eof or inflater.unused_data:
        raise _differs(content, "its packed bytes do not end where they should")


def _inflate_long(descriptor: int, content: Stored) -> Iterator[bytes]:
    inflater = zlib_ng.decompressobj(_RAW_DEFLATE)
    for packed in _read(descriptor, content.offset, content.packed or 0):
        waiting = packed
        while waiting and not inflater.eof:
            yield _inflate(inflater, waiting, CHUNK_BYTES, content)
            waiting = inflater.unconsumed_tail
        if waiting:
            break
    while not inflater.eof and (piece := _inflate(inflater, b"", CHUNK_BYTES, content)):
        yield piece
    if not inflater.eof or inflater.unused_data:
        raise _differs(content, "its packed bytes do not end where they should")


def _inflate(inflater: zlib_ng._Decompress, packed: bytes, most: int, content: Stored) -> bytes:
    try:
        return inflater.decompress(packed, most)
    except zlib_ng.error as error:  # type: ignore[misc]  # the library's stub has it wrong
        raise _differs(content, f"it cannot be unpacked: {error}") from error


def _differs(content: Stored, how: str) -> MismatchError:
    return MismatchError(
        f"a file in {content.path.name} is not what was said of it: {how}"
        if content.offset
        else f"{content.path} is not what was said of it: {how}"
    )
