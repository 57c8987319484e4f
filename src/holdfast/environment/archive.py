"""Reading a wheel strictly: one archive must have one reading.

A zip says everything twice, in the entries and in the directory at its end, and unpackers differ
in whom they believe. A wheel is taken only where both say the same, where nothing lies between the
entries, where no name leaves the folder it is unpacked in, and where its RECORD fits every byte.
"""

from __future__ import annotations

import csv
import struct
import zipfile
from pathlib import Path
from stat import S_IFDIR, S_IFMT, S_IFREG
from typing import BinaryIO

from holdfast.environment.record import STRONG
from holdfast.environment.tree import digest_bytes
from holdfast.errors import MismatchError

# What first-party code may unpack to; a model's own package is never this big.
_MOST_BYTES = 2 << 30
_MOST_ENTRIES = 60_000

_LOCAL = struct.Struct("<4s5H3L2H")  # APPNOTE.TXT 4.3.7
_END = struct.Struct("<4s4H2LH")  # APPNOTE.TXT 4.3.16
_STREAMED = 0x08
_ENCRYPTED = 0x01
# A data descriptor, with or without its signature (APPNOTE.TXT 4.3.9).
_DESCRIPTOR_BYTES = (12, 16)


_OWN = "build the wheel again and log the model again"


def check_wheel(path: Path, *, hint: str = _OWN) -> None:
    """Refuse a wheel that could be read in two ways, or that does not hold what its RECORD says.

    Args:
        path: The wheel.
        hint: What to do about one that is refused.

    Raises:
        MismatchError: It is one of those; every problem is named.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            problems = [*_names(entries), *_limits(entries)]
            if not problems:
                problems = [*_layout(file, archive, entries)]
            if not problems:
                problems = [*_record(archive, entries)]
    except (zipfile.BadZipFile, OSError, ValueError, struct.error, NotImplementedError) as error:
        problems = [f"not a zip that can be read: {error}"]
    if problems:
        raise MismatchError(
            "\n".join([f"the wheel {path.name} is refused:", *problems]),
            hint=hint,
        )


def _names(entries: list[zipfile.ZipInfo]) -> list[str]:
    problems = []
    seen: set[str] = set()
    for entry in entries:
        # `filename` is what zipfile makes of it; `orig_filename` is what stands there.
        name = entry.orig_filename
        parts = name.removesuffix("/").split("/")
        if "\\" in name or ":" in name or "\0" in name or {"", ".", ".."} & set(parts):
            problems.append(f"{name!r} is no path inside the wheel")
        if name.casefold() in seen:
            problems.append(f"{name!r} is there twice")
        seen.add(name.casefold())
        if S_IFMT(entry.external_attr >> 16) not in {0, S_IFREG, S_IFDIR}:
            problems.append(f"{name!r} is a link or a device, not a file")
    return problems


def _limits(entries: list[zipfile.ZipInfo]) -> list[str]:
    problems = []
    if len(entries) > _MOST_ENTRIES:
        problems.append(f"{len(entries)} entries, more than {_MOST_ENTRIES}")
    if sum(entry.file_size for entry in entries) > _MOST_BYTES:
        problems.append(f"it unpacks to more than {_MOST_BYTES} bytes")
    problems += [
        f"{entry.filename!r} is packed in a way that wheels are not"
        for entry in entries
        if entry.flag_bits & _ENCRYPTED
        or entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
    ]
    return problems


def _layout(file: BinaryIO, archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> list[str]:
    """Entry after entry from the first byte, then the directory, then the end: nothing between."""
    problems = []
    position = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        if entry.header_offset != position:
            problems.append(f"{entry.filename!r} does not begin where the entry before it ends")
            break
        header_bytes, agrees = _local_header(file, entry)
        if not agrees:
            problems.append(f"{entry.filename!r} has another header than the directory has for it")
        position += header_bytes + entry.compress_size
        if entry.flag_bits & _STREAMED:
            position += _descriptor_bytes(file, position, entry)
    if not problems and archive.start_dir != position:
        problems.append("something lies between the last entry and the directory")
    return problems + _end(file, archive, len(entries))


def _local_header(file: BinaryIO, entry: zipfile.ZipInfo) -> tuple[int, bool]:
    """An entry's own header: its length in bytes, and whether the directory says the same."""
    file.seek(entry.header_offset)
    fields = _LOCAL.unpack(file.read(_LOCAL.size))
    signature, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = fields
    name = file.read(name_bytes)
    encoded = entry.orig_filename.encode("utf-8" if flags & 0x800 else "cp437")
    sizes = (entry.CRC, entry.compress_size, entry.file_size)
    agrees = (
        signature == b"PK\3\4"
        and name == encoded
        and flags == entry.flag_bits
        and method == entry.compress_type
        and ((crc, packed, size) == sizes or (flags & _STREAMED and not (crc or packed or size)))
    )
    return _LOCAL.size + name_bytes + extra_bytes, bool(agrees)


def _descriptor_bytes(file: BinaryIO, position: int, entry: zipfile.ZipInfo) -> int:
    """The length of the data descriptor at `position`; 0 where there is none that fits."""
    values = struct.pack("<3L", entry.CRC, entry.compress_size, entry.file_size)
    file.seek(position)
    found = file.read(max(_DESCRIPTOR_BYTES))
    for expected in (b"PK\7\x08" + values, values):
        if found.startswith(expected):
            return len(expected)
    return 0


def _end(file: BinaryIO, archive: zipfile.ZipFile, count: int) -> list[str]:
    """The end record is the file's last bytes, without comment, and fits the directory."""
    length = file.seek(0, 2)
    file.seek(length - _END.size)
    signature, disk, start_disk, here, total, size, offset, comment = _END.unpack(
        file.read(_END.size)
    )
    fits = (
        signature == b"PK\5\6"
        and (disk, start_disk, comment) == (0, 0, 0)
        and here == total == count
        and offset == archive.start_dir
        and offset + size + _END.size == length
    )
    return [] if fits else ["its end does not fit its directory, or something follows it"]


def _record(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> list[str]:
    """Every file is in RECORD with its digest, and every row of RECORD is a file (PEP 427)."""
    files = {entry.filename for entry in entries if not entry.is_dir()}
    records = [n for n in files if n.endswith(".dist-info/RECORD") and n.count("/") == 1]
    if len(records) != 1:
        return [f"{len(records)} RECORDs where there is one"]
    rows = list(csv.reader(archive.read(records[0]).decode("utf-8").splitlines()))
    digests = {row[0]: row[1] for row in rows if len(row) > 1}
    folder = records[0].rpartition("/")[0]
    unsigned = {f"{folder}/RECORD", f"{folder}/RECORD.jws", f"{folder}/RECORD.p7s"}
    problems = [
        f"{name!r} is in RECORD, not in the wheel" for name in sorted(digests.keys() - files)
    ]
    for name in sorted(files - unsigned):
        algorithm, _, digest = digests.get(name, "").partition("=")
        if algorithm not in STRONG:
            problems.append(f"{name!r} has no digest in RECORD")
        elif digest_bytes(archive.read(name), algorithm) != digest.rstrip("="):
            problems.append(f"{name!r} is not what RECORD says")
    return problems
