"""gzip in several threads: blocks of one length, each deflated by itself (as pigz does).

A block knows the end of the one before it, so that little is lost at the seams. What comes out is
one gzip member (RFC 1952) without name and time, and depends on nothing but what goes in.
"""

from __future__ import annotations

import struct
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

from zlib_ng import zlib_ng

_BLOCK_BYTES = 1 << 20
_WINDOW_BYTES = 1 << 15  # how far back deflate can point (RFC 1951)
_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # deflate, no flags, no time, of an unknown system
_LAST = b"\x03\0"  # an empty last block
_RAW_DEFLATE = -15
_MEMORY_LEVEL = 8


class Gzip:
    """A compressor for one stream."""

    def __init__(self, level: int, threads: int) -> None:
        """Begin.

        Args:
            level: Of zlib-ng.
            threads: How many blocks are deflated at once.
        """
        self._level = level
        self._pool = ThreadPoolExecutor(threads, "holdfast-gzip")
        self._most = 2 * threads
        self._running: deque[Future[bytes]] = deque()
        self._waiting = bytearray()
        self._window = b""
        self._ready = [_HEADER]
        self._crc = 0
        self._size = 0

    def compress(self, data: bytes, /) -> bytes:
        """Take a piece; what is ready comes out."""
        self._crc = zlib_ng.crc32(data, self._crc)
        self._size += len(data)
        self._waiting += data
        while len(self._waiting) >= _BLOCK_BYTES:
            self._submit(bytes(memoryview(self._waiting)[:_BLOCK_BYTES]))
            del self._waiting[:_BLOCK_BYTES]
        return self._take(self._most)

    def flush(self) -> bytes:
        """Take the end; the rest comes out."""
        if self._waiting:
            self._submit(bytes(self._waiting))
        rest = self._take(0)
        self._pool.shutdown()
        return rest + _LAST + struct.pack("<LL", self._crc, self._size & 0xFFFFFFFF)

    def _submit(self, block: bytes) -> None:
        self._running.append(self._pool.submit(_deflate, block, self._window, self._level))
        self._window = block[-_WINDOW_BYTES:]

    def _take(self, most: int) -> bytes:
        """What is ready, in order; waits until no more than `most` blocks are under way."""
        ready, self._ready = self._ready, []
        while self._running and (len(self._running) > most or self._running[0].done()):
            ready.append(self._running.popleft().result())
        return b"".join(ready)


def _deflate(block: bytes, window: bytes, level: int) -> bytes:
    """A block up to a byte's end, none of them the last."""
    packer = zlib_ng.compressobj(
        level,
        zlib_ng.DEFLATED,
        _RAW_DEFLATE,
        _MEMORY_LEVEL,
        zlib_ng.Z_DEFAULT_STRATEGY,
        window,
    )
    return packer.compress(block) + packer.flush(zlib_ng.Z_SYNC_FLUSH)
