"""The bytes of a zip, of which only one reading is taken.

A zip says everything twice, in the entries and in the directory at its end, and unpackers differ in
whom they believe. Here both must say the same, every entry begins where the one before it ends, and
a deflated stream ends exactly where its entry does. Sections are those of APPNOTE.TXT 6.3.10.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib as standard_zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, BinaryIO

_zlib: Any = standard_zlib
try:  # of the extra `image`: the same bytes in half the time
    from zlib_ng import zlib_ng

    _zlib = zlib_ng
except ImportError:
    pass

_LOCAL = struct.Struct("<4s5H3L2H")  # 4.3.7
_END = struct.Struct("<4s4H2LH")  # 4.3.16
_END_64 = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_LOCATOR_64 = struct.Struct("<4sLQL")  # 4.3.15
_DESCRIPTOR = struct.Struct("<3L")  # 4.3.9
_DESCRIPTOR_64 = struct.Struct("<L2Q")
_FIELD = struct.Struct("<2H")  # 4.5.1
_ZIP64_FIELD = 1  # 4.5.3
_OTHER_NAME_FIELD = 0x7075  # 4.6.9: a second name, that some unpackers take
_MANY, _FULL = 0xFFFF, 0xFFFFFFFF  # "look at the ZIP64 fields"

_STREAMED = 0x08
_UTF8 = 0x800
# What an entry may say of itself: hints of the compressor, sizes that follow, a name in UTF-8.
_FLAGS = 0x02 | 0x04 | _STREAMED | _UTF8
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_MOST_DIRECTORY_BYTES = 64 << 20
_CHUNK_BYTES = 1 << 18
_MOST_AT_ONCE = 1 << 20

BROKEN = (
    zipfile.BadZipFile,
    OSError,
    EOFError,
    ValueError,
    struct.error,
    NotImplementedError,
    standard_zlib.error,
    _zlib.error,
)


def check_end(file: BinaryIO) -> None:
    """See, before the directory is read, that it is of a size to read, and the file's last part.

    Raises:
        zipfile.BadZipFile: It is not.
    """
    length = file.seek(0, os.SEEK_END)
    at = length - _END.size
    _, disk, start_disk, here, count, size, offset, comment = _taken(file, at, _END, b"PK\5\6")
    if (disk, start_disk, comment) != (0, 0, 0) or here != count:
        raise zipfile.BadZipFile("its end says that there is more of it")
    if count == _MANY or _FULL in {size, offset}:
        at, count, size, offset = _end_64(file, at, (count, size, offset))
    if offset + size != at:
        raise zipfile.BadZipFile("its end does not fit its directory, or something follows it")
    if size > _MOST_DIRECTORY_BYTES:
        raise zipfile.BadZipFile(f"its directory has {size} bytes")


def _end_64(file: BinaryIO, at: int, short: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Where the ZIP64 end begins, and what it says in the place of `short`."""
    locator = at - _LOCATOR_64.size
    _, disk, start, disks = _taken(file, locator, _LOCATOR_64, b"PK\6\7")
    record = _taken(file, start, _END_64, b"PK\6\6")
    _, rest, _, _, this_disk, start_disk, here, count, size, offset = record
    agrees = all(
        one in {most, other}
        for one, other, most in zip(
            short, (count, size, offset), (_MANY, _FULL, _FULL), strict=True
        )
    )
    if (
        (disk, this_disk, start_disk) != (0, 0, 0)
        or disks > 1
        or rest != _END_64.size - 12
        or start + _END_64.size != locator
        or here != count
        or not agrees
    ):
        raise zipfile.BadZipFile("its two ends do not say the same")
    return start, count, size, offset


def _taken(file: BinaryIO, at: int, form: struct.Struct, signature: bytes) -> tuple[Any, ...]:
    if at < 0:
        raise zipfile.BadZipFile("it is too short")
    file.seek(at)
    record = form.unpack(file.read(form.size))
    if record[0] != signature:
        raise zipfile.BadZipFile("it does not end as a zip does")
    return record


def check_layout(
    file: BinaryIO, entries: list[zipfile.ZipInfo], directory: int
) -> tuple[dict[str, int], list[str]]:
    """Entry after entry from the first byte, then the directory: nothing between.

    Args:
        file: The zip; `check_end` found nothing.
        entries: What its directory says.
        directory: Where that begins.

    Returns:
        Where the data of each entry begin, and what is wrong.
    """
    begins: dict[str, int] = {}
    in_order = sorted(entries, key=lambda one: one.header_offset)
    ends = [*(one.header_offset for one in in_order), directory]
    if ends[0] != 0:
        return begins, ["something lies before the first entry"]
    for entry, (start, end) in zip(in_order, pairwise(ends), strict=True):
        data, problem = _local_header(file, entry, start)
        if not problem:
            file.seek(data + entry.compress_size)
            between = end - data - entry.compress_size
            if between < 0:
                problem = "reaches into what follows it"
            elif between > _DESCRIPTOR_64.size + 4 or not _may_follow(entry, file.read(between)):
                problem = "is followed by something that is no entry"
        if problem:
            return begins, [f"{entry.filename!r} {problem}"]
        begins[entry.filename] = data
    return begins, []


def _may_follow(entry: zipfile.ZipInfo, between: bytes) -> bool:
    """Whether that is nothing, or the descriptor of an entry that was streamed."""
    if not between:
        return True
    if not entry.flag_bits & _STREAMED:
        return False
    values = (entry.CRC, entry.compress_size, entry.file_size)
    forms = [_DESCRIPTOR_64.pack(*values)]
    if max(values) <= _FULL:
        forms.append(_DESCRIPTOR.pack(*values))
    return any(between in {form, b"PK\7\x08" + form} for form in forms)


def _local_header(file: BinaryIO, entry: zipfile.ZipInfo, start: int) -> tuple[int, str]:
    """Where an entry's data begin, and how its own header differs from the directory."""
    file.seek(start)
    fields = _LOCAL.unpack(file.read(_LOCAL.size))
    signature, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = fields
    name, extra = file.read(name_bytes), file.read(extra_bytes)
    data = start + _LOCAL.size + name_bytes + extra_bytes
    if flags & ~_FLAGS or method not in _METHODS:
        return data, "is packed in a way that wheels are not"
    own, more = dict(_fields(extra)), dict(_fields(entry.extra))
    if _OTHER_NAME_FIELD in own or _OTHER_NAME_FIELD in more:
        return data, "has a second name"
    if _ZIP64_FIELD in own and _FULL in {packed, size}:
        size, packed = _sizes_64(own[_ZIP64_FIELD], size, packed)
    sizes = (entry.CRC, entry.compress_size, entry.file_size)
    encoded = entry.orig_filename.encode("utf-8" if flags & _UTF8 else "cp437")
    agrees = (
        signature == b"PK\3\4"
        and name == encoded
        and flags == entry.flag_bits
        and method == entry.compress_type
        and ((crc, packed, size) == sizes or (flags & _STREAMED and not (crc or packed or size)))
    )
    return data, "" if agrees else "has another header than the directory has for it"


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """The extra fields of an entry (4.5.1); a few bytes too many at the end are none."""
    at = 0
    while at + _FIELD.size <= len(extra):
        kind, length = _FIELD.unpack_from(extra, at)
        at += _FIELD.size
        yield kind, extra[at : at + length]
        at += length


def _sizes_64(field: bytes, size: int, packed: int) -> tuple[int, int]:
    """(size, packed) of an entry's own header: those that were too big stand in the field."""
    values = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
    size = next(values, -1) if size == _FULL else size
    packed = next(values, -1) if packed == _FULL else packed
    return size, packed


def read_entry(file: BinaryIO, entry: zipfile.ZipInfo, begins: int) -> Iterator[bytes]:
    """What an entry holds, in parts, and never more than it says.

    Args:
        file: The zip.
        entry: One of its entries.
        begins: Where its data begin, as `check_layout` found.

    Raises:
        zipfile.BadZipFile: It holds more or less than it says, or its CRC is another.
    """
    file.seek(begins)
    crc = length = 0
    parts = _inflated(file, entry) if entry.compress_type else _stored(file, entry)
    for part in parts:
        length += len(part)
        crc = _zlib.crc32(part, crc)
        yield part
    if length != entry.file_size or crc != entry.CRC:
        raise zipfile.BadZipFile(f"{entry.filename!r} does not hold what it says")


def _stored(file: BinaryIO, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    left = entry.compress_size
    while left and (part := file.read(min(left, _CHUNK_BYTES))):
        left -= len(part)
        yield part


def _inflated(file: BinaryIO, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    inflating = _zlib.decompressobj(-standard_zlib.MAX_WBITS)
    left, room = entry.compress_size, entry.file_size
    packed = b""
    while not inflating.eof:
        if not packed:
            packed = file.read(min(left, _CHUNK_BYTES))
            left -= len(packed)
        # One byte more than there is room for would be a lie, and is enough to see it.
        part = inflating.decompress(packed, min(room, _MOST_AT_ONCE) + 1)
        starved = not packed and not part
        packed = inflating.unconsumed_tail
        room -= len(part)
        if room < 0 or (starved and not inflating.eof):
            raise zipfile.BadZipFile(f"{entry.filename!r} does not hold what it says")
        yield part
    if left or packed or inflating.unused_data:
        raise zipfile.BadZipFile(f"something lies behind the data of {entry.filename!r}")
