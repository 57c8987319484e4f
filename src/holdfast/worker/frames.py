r"""Frames: how parent and worker put a message on the wire. Runs on both sides.

A frame is a JSON header and raw buffers. All integers are little-endian and unsigned:

    4 bytes    magic, b"HF1\n"
    4 bytes    number of buffers
    8 bytes    length of the header
    8 bytes    length of everything that follows (the body), so that one allocation is enough
    8 bytes    for each buffer, its length
    …          header, a UTF-8 JSON object, padded with zeros to a multiple of 8 bytes
    …          the buffers, one after the other, each padded in the same way

Buffers are sent from where they lie and received into one block of memory, aligned to 8 bytes, so
that an array of any numeric type can be laid over them.

Standard library only, and Python 3.8 upwards: this file also runs inside restored environments.
"""

from __future__ import annotations

import json
import mmap
import struct
from dataclasses import dataclass
from typing import Any, Dict, Protocol, Sequence, Union

MAGIC = b"HF1\n"
_PREFIX = struct.Struct("<4sIQQ")
PREFIX_BYTES = _PREFIX.size
_ALIGNMENT = 8
# Linux and macOS take at most 1024 pieces in one sendmsg.
_PIECES_AT_ONCE = 512
# From here on memory is mapped and not allocated: a promised length costs nothing until the bytes
# are there, so that a lying prefix cannot fill our memory. Below, the allocator gives the same
# pages again and again: fresh ones take several times as long as what is received into them.
_MAPPED_FROM = 1 << 25

Buffer = Union[bytes, bytearray, memoryview]
Header = Dict[str, Any]


class FrameError(Exception):
    """A frame is malformed, truncated or larger than what is allowed."""


class EndOfStream(FrameError):  # noqa: N818 - the word for it in asyncio and elsewhere
    """The other side closed the connection between two frames."""


class Writable(Protocol):
    """What frames are sent to: a socket, or something that watches one."""

    def sendmsg(self, buffers: Sequence[Buffer], /) -> int:
        """Send some of the bytes; how many."""


class Readable(Protocol):
    """What frames are received from."""

    def recv_into(self, buffer: memoryview, /) -> int:
        """Receive some bytes; how many, 0 at the end."""


@dataclass(frozen=True)
class Limits:
    """The largest frame that is received: header and whole body in bytes, buffers by number."""

    header: int = 1 << 24
    buffers: int = 1 << 16
    total: int = 1 << 32


def send(sock: Writable, header: Header | bytes, buffers: Sequence[Buffer] = ()) -> None:
    """Send one frame; big buffers are not copied.

    Args:
        sock: A blocking stream socket.
        header: What `json` can write, without NaN and infinities; or what it has written.
        buffers: C-contiguous bytes-like objects of any element type.

    Raises:
        FrameError: The header is not JSON, or a buffer is not contiguous.
        OSError: The socket failed; `BrokenPipeError` where the other side is gone.
    """
    text = header if type(header) is bytes else _header_bytes(header)
    _send_all(sock, pack(text, buffers))


def pack(header: bytes, buffers: Sequence[Buffer] = ()) -> list[memoryview]:
    """The pieces of one frame, to be sent one after the other; big buffers are not copied.

    Args:
        header: A JSON object in UTF-8.
        buffers: As for `send`.

    Raises:
        FrameError: A buffer is not contiguous.
    """
    views = [_flat(buffer) for buffer in buffers]
    lengths = struct.pack(f"<{len(views)}Q", *(len(view) for view in views))
    body = len(lengths) + _padded(len(header)) + sum(_padded(len(view)) for view in views)
    prefix = _PREFIX.pack(MAGIC, len(views), len(header), body)
    pieces = [memoryview(prefix + lengths + header + bytes(_gap(len(header))))]
    for view in views:
        pieces += [view, memoryview(bytes(_gap(len(view))))]
    return [piece for piece in pieces if len(piece)]


def receive(sock: Readable, limits: Limits = Limits()) -> tuple[Header, list[memoryview]]:
    """Receive one frame: its header, and writable views of its buffers in one block of memory.

    Raises:
        EndOfStream: The other side closed the connection before the first byte.
        FrameError: The frame is malformed, ends too early or exceeds `limits`.
        OSError: The socket failed.
    """
    prefix = memoryview(bytearray(PREFIX_BYTES))
    _receive_all(sock, prefix, at_start=True)
    announced = read_prefix(prefix, limits)
    body = _room(announced.body)
    _receive_all(sock, body, at_start=False)
    return split(body, announced)


@dataclass(frozen=True)
class Announced:
    """What the first bytes of a frame say: buffers by number, header and whole body in bytes."""

    buffers: int
    header: int
    body: int


def read_prefix(prefix: Buffer, limits: Limits = Limits()) -> Announced:
    """What the first `PREFIX_BYTES` bytes of a frame announce.

    Raises:
        FrameError: They are not those of a frame, or announce more than `limits`.
    """
    magic, count, header_length, body_length = _PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise FrameError(f"not a frame: it begins with {bytes(magic)!r}, expected {MAGIC!r}")
    _check("buffers", count, limits.buffers)
    _check("bytes of header", header_length, limits.header)
    _check("bytes", body_length, limits.total)
    if body_length < 8 * count + _padded(header_length):
        raise FrameError(f"a frame of {body_length} bytes cannot hold its own header")
    return Announced(count, header_length, body_length)


def split(body: memoryview, announced: Announced) -> tuple[Header, list[memoryview]]:
    """The header and the buffers of a frame whose body is all there.

    Raises:
        FrameError: They are not what was announced.
    """
    count, header_length = announced.buffers, announced.header
    lengths = struct.unpack_from(f"<{count}Q", body)
    start = 8 * count
    header = _parse_header(bytes(body[start : start + header_length]))
    start += _padded(header_length)
    if start + sum(map(_padded, lengths)) != len(body):
        raise FrameError(f"the buffers of a frame do not add up to its {len(body)} bytes")
    buffers = []
    for length in lengths:
        buffers.append(body[start : start + length])
        start += _padded(length)
    return header, buffers


# `json.dumps` would make another one for each frame.
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def _header_bytes(header: Any) -> bytes:
    try:
        return _encode(header).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise FrameError(f"the header is not JSON: {error}") from error


def _parse_header(text: bytes) -> Header:
    try:
        header = json.loads(text.decode("utf-8"))
    # Deep nesting ends in a RecursionError, everything else in a ValueError.
    except (ValueError, RecursionError) as error:
        raise FrameError(f"the header of a frame is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise FrameError(f"the header of a frame is {type(header).__name__}, expected an object")
    return header


def _send_all(sock: Writable, pieces: list[memoryview]) -> None:
    first = 0
    while first < len(pieces):
        sent = sock.sendmsg(pieces[first : first + _PIECES_AT_ONCE])
        while first < len(pieces) and sent >= len(pieces[first]):
            sent -= len(pieces[first])
            first += 1
        if sent:
            pieces[first] = pieces[first][sent:]


def _receive_all(sock: Readable, target: memoryview, *, at_start: bool) -> None:
    received = 0
    while received < len(target):
        count = sock.recv_into(target[received:])
        if count == 0:
            if at_start and received == 0:
                raise EndOfStream("the other side closed the connection")
            raise FrameError(f"a frame ended {len(target) - received} bytes early")
        received += count


def _room(length: int) -> memoryview:
    if length < _MAPPED_FROM:
        return memoryview(bytearray(length))
    try:
        return memoryview(mmap.mmap(-1, length))
    except (OSError, ValueError, OverflowError) as error:
        raise FrameError(f"no memory for a frame of {length} bytes") from error


def _flat(buffer: Buffer) -> memoryview:
    view = memoryview(buffer)
    if not view.c_contiguous:
        raise FrameError("a buffer is not contiguous")
    # A view of no elements cannot be cast.
    return view.cast("B") if view.nbytes else memoryview(b"")


def _check(what: str, found: int, limit: int) -> None:
    if found > limit:
        raise FrameError(f"a frame has {found} {what}, the limit is {limit}")


def _gap(length: int) -> int:
    return -length % _ALIGNMENT


def _padded(length: int) -> int:
    return length + _gap(length)
