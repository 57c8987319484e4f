"""A layer's tar, unpacked in one go: forwards only, hashed, and never more than a limit.

What it is compressed with is told from its first bytes, for a root file system tar says it nowhere
else. A layer's digest is over the tar, so that it says whether the right bytes came out.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from holdfast.errors import InputError

GZIP, ZSTD, XZ, BZIP2, PLAIN = "gzip", "zstd", "xz", "bzip2", ""
_MAGIC = {
    b"\x1f\x8b": GZIP,
    b"\x28\xb5\x2f\xfd": ZSTD,
    b"\xfd7zXZ\x00": XZ,
    b"BZh": BZIP2,
}
# The greatest bases, those with CUDA and all of its libraries, unpack to about 10 GB.
_MOST_BYTES = 32 << 30
# A tar's reader asks for this much at once for names only; nobody's name is that long.
_MOST_AT_ONCE = 4 << 20
_CHUNK = 1 << 20


def compression_of(path: Path) -> str:
    """What a file is compressed with: GZIP, ZSTD, XZ, BZIP2, or PLAIN."""
    with path.open("rb") as file:
        start = file.read(6)
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), PLAIN)


@contextmanager
def unpacked(path: Path, name: str) -> Iterator[Unpacked]:
    """What `path` holds, unpacked while it is read; messages call it `name`.

    Raises:
        InputError: While reading: it is damaged, or unpacks to more than any base has.
    """
    with path.open("rb") as file, _decompressed(file, compression_of(path)) as stream:
        yield Unpacked(stream, name)


class Unpacked:
    """Bytes that can be read forwards, as `tarfile` does with a file that it may seek in.

    Args:
        stream: Unpacked bytes.
        name: What messages call it.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._hash = hashlib.sha256()
        self._at = 0
        self.last = b""

    def tell(self) -> int:
        """How many bytes have been read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Read on to `offset`; never back."""
        if whence != io.SEEK_SET or offset < self._at:
            raise InputError(f"{self._name} is a tar that cannot be read in one go")
        while self._at < offset and self.read(min(offset - self._at, _CHUNK)):
            pass
        return self._at

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; kept in `last` too."""
        if not 0 <= size <= _MOST_AT_ONCE:
            raise InputError(f"{self._name} has a name or a header of {size} bytes")
        pieces: list[bytes] = []
        left = size
        while left and (piece := self._take(left)):
            pieces.append(piece)
            left -= len(piece)
        self.last = b"".join(pieces)
        self._hash.update(self.last)
        self._at += len(self.last)
        if self._at > _MOST_BYTES:
            raise InputError(f"{self._name} unpacks to more than {_MOST_BYTES >> 30} GiB")
        return self.last

    def digest(self) -> str:
        """The digest of everything, what nobody has asked for included: "sha256:…"."""
        while self.read(_CHUNK):
            pass
        return f"sha256:{self._hash.hexdigest()}"

    def _take(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except Exception as error:  # each of the libraries has errors of its own
            raise InputError(f"{self._name} is damaged: {error}") from error


def _decompressed(file: BinaryIO, compression: str) -> BinaryIO:
    opened: Any = file
    if compression == GZIP:
        from zlib_ng import gzip_ng

        opened = gzip_ng.GzipNGFile(fileobj=file, mode="rb")  # type: ignore[no-untyped-call]
    elif compression == ZSTD:
        import zstandard

        opened = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
    elif compression == XZ:
        opened = lzma.LZMAFile(file)  # noqa: SIM115 - `unpacked` closes it
    elif compression == BZIP2:
        opened = bz2.BZ2File(file)
    return cast("BinaryIO", opened)
