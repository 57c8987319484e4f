"""Compressing a layer, pinned so that the same tar gives the same bytes on any machine.

The libraries' releases are pinned in `holdfast[image]`; level and everything else that shapes the
bytes stands here.
"""

from __future__ import annotations

import os
from enum import Enum
from typing import Protocol

from holdfast.image.values import LAYER_GZIP, LAYER_ZSTD


class Compression(Enum):
    """How layers are compressed: zstd, or gzip for clients that know nothing else."""

    ZSTD = "zstd"
    GZIP = "gzip"

    @property
    def media_type(self) -> str:
        """Of a layer that is compressed so."""
        return LAYER_ZSTD if self is Compression.ZSTD else LAYER_GZIP

    @property
    def pinned(self) -> str:
        """What decides the bytes besides the tar; part of every kept layer's key."""
        if self is Compression.ZSTD:
            import zstandard

            return f"zstd {'.'.join(map(str, zstandard.ZSTD_VERSION))} level {_ZSTD_LEVEL}"
        from zlib_ng import zlib_ng

        return f"zlib-ng {zlib_ng.ZLIBNG_VERSION} level {_GZIP_LEVEL}"


# zstd's own default: a level more costs twice the time for a twentieth of the size.
_ZSTD_LEVEL = 3
# zlib-ng's 6 is a little better than zlib's 6 in half the time; 9 would take twice as long.
_GZIP_LEVEL = 6
_GZIP = 31  # window bits: the largest window, a gzip header without name and time


class Compressor(Protocol):
    """What takes pieces and gives compressed pieces."""

    def compress(self, data: bytes, /) -> bytes:
        """Take a piece; what is ready comes out, often nothing."""

    def flush(self) -> bytes:
        """Take the end; the rest comes out."""


def compressor(compression: Compression) -> Compressor:
    """A compressor for one layer.

    zstd compresses in threads of its own, as many as there are cores, while the caller reads and
    hashes. Their number does not show in the bytes, as long as there is one.
    """
    if compression is Compression.ZSTD:
        import zstandard

        threads = max(1, len(os.sched_getaffinity(0)))
        made = zstandard.ZstdCompressor(
            level=_ZSTD_LEVEL, threads=threads, write_checksum=True, write_content_size=False
        )
        return made.compressobj()
    from zlib_ng import zlib_ng

    return zlib_ng.compressobj(_GZIP_LEVEL, zlib_ng.DEFLATED, _GZIP)
