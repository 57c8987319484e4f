"""A wheel as pypa/installer's source: what its directory and its RECORD say, and nothing unpacked.

The directory is somebody else's: names that leave the wheel, that come twice, links and devices
are refused here too, whoever has looked at the wheel before.
"""

from __future__ import annotations

import os
import struct
import zipfile
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_IFDIR, S_IFMT, S_IFREG
from typing import BinaryIO, cast

from installer.records import RecordEntry, parse_record_file
from installer.sources import WheelContentElement, WheelSource
from installer.utils import canonicalize_name, parse_wheel_filename

from holdfast.image.layers.contents import read_stored
from holdfast.image.layers.tar import is_inside
from holdfast.image.values import Stored

_LOCAL = struct.Struct("<4s22xHH")  # APPNOTE.TXT 4.3.7: signature, …, lengths of name and extra
_ENCRYPTED = 0x01
# METADATA, RECORD, entry_points.txt are read whole.
_MOST_READ_BYTES = 64 << 20
_SHA256_BYTES = 32
# Notes of an installation (PEP 376, PEP 610, uv's own): a wheel has none to bring.
_NOTES = {"INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"}


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a wheel: where it lies, its row in RECORD, and the 32 bytes it hashes to."""

    stored: Stored
    record: RecordEntry


class Source(WheelSource):
    """The wheel, whose "streams" are members: only a destination of ours can take them."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        name = parse_wheel_filename(path.name)
        super().__init__(name.distribution, name.version)
        self.path = path
        self._infos = {info.filename: info for info in _files(archive)}
        self._folder = self._find_dist_info()
        if self.data_dir in self._infos:  # installer would look for its scheme for ever
            raise ValueError(f"{self.data_dir!r} is a file, not a folder")

    @property
    def dist_info_dir(self) -> str:
        """The folder of the wheel's metadata."""
        return self._folder

    @property
    def data_dir(self) -> str:
        """The folder of what goes elsewhere than to site-packages."""
        return f"{self._folder.removesuffix('.dist-info')}.data"

    @property
    def dist_info_filenames(self) -> list[str]:
        """What lies in `dist_info_dir`."""
        start = f"{self._folder}/"
        return [name.removeprefix(start) for name in self._infos if name.startswith(start)]

    def read_dist_info(self, filename: str) -> str:
        """A text in `dist_info_dir`, whole."""
        info = self._infos[f"{self._folder}/{filename}"]
        if info.file_size > _MOST_READ_BYTES:
            raise ValueError(f"{info.filename} has {info.file_size} bytes")
        with self.path.open("rb") as file:
            # Its digest is compared when it is written into the layer.
            return read_stored(_stored(self.path, file, info, "")).decode("utf-8")

    def get_contents(self) -> Iterator[WheelContentElement]:
        """RECORD's row of each file, the file, and whether it is a program."""
        records = {
            row[0]: row for row in parse_record_file(self.read_dist_info("RECORD").splitlines())
        }
        with self.path.open("rb") as file:
            for name, info in self._infos.items():
                if name.startswith(f"{self._folder}/") and name.rpartition("/")[2] in _NOTES:
                    continue
                row = records.get(name, (name, "", ""))
                member = Member(
                    _stored(self.path, file, info, row[1]), RecordEntry.from_elements(*row)
                )
                yield row, cast("BinaryIO", member), bool(info.external_attr >> 16 & 0o111)

    def _find_dist_info(self) -> str:
        tops = {name.partition("/")[0] for name in self._infos}
        found = [name for name in tops if name.endswith(".dist-info")]
        named = [
            name
            for name in found
            if canonicalize_name(name.partition("-")[0]) == canonicalize_name(self.distribution)
        ]
        if len(found) != 1 or len(named) != 1:
            raise ValueError(f"{sorted(found)} where one .dist-info of its name is expected")
        return found[0]


def _files(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    """The files in a wheel; nothing else may be in it but folders."""
    seen: set[str] = set()
    for info in archive.infolist():
        name = info.orig_filename
        if not is_inside(name.removesuffix("/")) or "\\" in name or name.casefold() in seen:
            raise ValueError(f"{name!r} is no path inside a wheel, or is there twice")
        seen.add(name.casefold())
        if S_IFMT(info.external_attr >> 16) not in {0, S_IFREG, S_IFDIR}:
            raise ValueError(f"{name!r} is a link or a device")
        if info.flag_bits & _ENCRYPTED or info.compress_type not in {
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
        }:
            raise ValueError(f"{name!r} is packed in a way that wheels are not")
        if not info.is_dir():
            yield info


def _stored(path: Path, file: BinaryIO, info: zipfile.ZipInfo, digest: str) -> Stored:
    """Where a member's bytes lie, and what they are by RECORD."""
    header = os.pread(file.fileno(), _LOCAL.size, max(0, info.header_offset))
    signature, name_bytes, extra_bytes = _LOCAL.unpack(header)
    if signature != b"PK\3\4":
        raise ValueError(f"{info.filename!r} does not lie where the directory says")
    return Stored(
        path=path,
        size=info.file_size,
        sha256=_sha256(digest),
        offset=info.header_offset + _LOCAL.size + name_bytes + extra_bytes,
        packed=None if info.compress_type == zipfile.ZIP_STORED else info.compress_size,
    )


def _sha256(digest: str) -> bytes | None:
    """The bytes of "sha256=…"; None where it is another algorithm's, or there is none."""
    if not digest.startswith("sha256="):
        return None
    try:
        found = b64decode(f"{digest[7:].rstrip('=')}=", altchars=b"-_", validate=True)
    except NoBase64 as error:
        raise ValueError(f"{digest!r} is no digest") from error
    if len(found) != _SHA256_BYTES:
        raise ValueError(f"{digest!r} is no digest")
    return found
