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

        return f"zlib-ng {zlib_ng.ZLIBNG_VERSION} level {_GZIP_LEVEL} in blocks"


# A tenth smaller than by zstd's own default, 3, for nearly three times its CPU: a layer is made
# once, and pulled wherever its image goes.
_ZSTD_LEVEL = 7
# Of zlib-ng: a level more costs a sixth of the time for half a percent of the size.
_GZIP_LEVEL = 5


class Compressor(Protocol):
    """What takes pieces and gives compressed pieces; how they are cut does not show in the end."""

    def compress(self, data: bytes, /) -> bytes:
        """Take a piece; what is ready comes out, often nothing."""

    def flush(self) -> bytes:
        """Take the end; the rest comes out."""


def compressor(compression: Compression) -> Compressor:
    """A compressor for one layer.

    Both compress in threads of their own, as many as there are cores, while the caller reads and
    hashes. Their number does not show in the bytes.
    """
    threads = max(1, len(os.sched_getaffinity(0)))
    if compression is Compression.GZIP:
        from holdfast.image.layers.gzip import Gzip

        return Gzip(_GZIP_LEVEL, threads)
    import zstandard

    # With no thread of its own zstd would cut its jobs otherwise; one is as good as many.
    made = zstandard.ZstdCompressor(
        level=_ZSTD_LEVEL, threads=threads, write_checksum=True, write_content_size=False
    )
    return made.compressobj()
