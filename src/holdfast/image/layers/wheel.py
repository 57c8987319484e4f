"""A wheel as the entries that installing it would make, by pypa/installer, into a list.

What is in the wheel is not read but where a file has to be written anew: scripts whose first line
names the interpreter, and RECORD. What installing leaves behind besides (INSTALLER, REQUESTED,
direct_url.json) is left out.
"""

from __future__ import annotations

import hashlib
import os
import struct
import warnings
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from configparser import Error as ConfigError
from dataclasses import replace
from pathlib import Path
from posixpath import relpath
from typing import BinaryIO, cast

from installer import install
from installer.destinations import WheelDestination
from installer.exceptions import InstallerError
from installer.records import Hash, InvalidRecordEntry, RecordEntry
from installer.scripts import Script
from installer.utils import SCHEME_NAMES, Scheme, construct_record_file

from holdfast.environment.record import STRONG
from holdfast.errors import MismatchError
from holdfast.image.layers.contents import begins, read_stored
from holdfast.image.layers.place import Place
from holdfast.image.layers.source import Member, Source
from holdfast.image.layers.tar import is_inside
from holdfast.image.values import Entry, Row, Stored

# A script whose first line is written anew is read whole.
_LONGEST_SCRIPT_BYTES = 16 << 20


def wheel_entries(wheel: Path, place: Place) -> tuple[tuple[Entry, ...], tuple[Row, ...]]:
    """What installing a wheel would leave in the image.

    Args:
        wheel: A file that `check_wheel` has let pass; its name is a wheel's (PEP 427).
        place: The environment that it goes to.

    Returns:
        Entries, whose contents are checked when they are read, and a row for each, both by path.

    Raises:
        MismatchError: It is no wheel, or something in it would lie outside the environment.
        OSError: It cannot be read.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            source = Source(wheel, archive)
            destination = _Destination(source, place)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # bytecode in a wheel is left out: no news
                install(source, destination, {})
    except (
        # What installer says of entry points that are none, with and without `python -O`.
        AssertionError,
        AttributeError,
        ConfigError,
        EOFError,
        InstallerError,
        InvalidRecordEntry,
        LookupError,
        NotImplementedError,
        RuntimeError,
        TypeError,
        ValueError,
        struct.error,
        zipfile.BadZipFile,
    ) as error:
        raise MismatchError(f"the wheel {wheel.name} cannot be read: {error!r}") from error
    paths = sorted(destination.entries)
    _refuse_files_as_folders(wheel, paths)
    return (
        tuple(destination.entries[path] for path in paths),
        tuple(destination.rows[path] for path in paths),
    )


def _refuse_files_as_folders(wheel: Path, paths: Iterable[str]) -> None:
    """A path is a file's or a folder's."""
    above = {path.rpartition("/")[0] for path in paths}
    while longer := {path.rpartition("/")[0] for path in above} - above:
        above |= longer
    if both := above.intersection(paths):
        raise MismatchError(f"the wheel {wheel.name} has {min(both)!r} as a file and as a folder")


class _Destination(WheelDestination):
    """What would be written, by its path in the image."""

    def __init__(self, source: Source, place: Place) -> None:
        self.entries: dict[str, Entry] = {}
        self.rows: dict[str, Row] = {}
        self._python = place.python
        self._roots = {name: place.scheme(name, source.distribution) for name in SCHEME_NAMES}
        # What a scheme's paths begin with in RECORD, where they are relative to site-packages.
        relative = {name: relpath(at, place.site_packages) for name, at in self._roots.items()}
        self._prefixes = {
            name: None if there == "." else f"{there}/" for name, there in relative.items()
        }

    def write_script(self, name: str, module: str, attr: str, section: str) -> RecordEntry:
        if "/" in name:
            raise ValueError(f"{name!r} is no script's name")
        script = Script(name, module, attr, "gui" if section == "gui" else "console")
        name, content = script.generate(self._python, "posix")
        return self._write_bytes(Scheme("scripts"), name, content, executable=True)

    def write_file(
        self,
        scheme: Scheme,
        path: str | os.PathLike[str],
        stream: BinaryIO,
        is_executable: bool,  # noqa: FBT001 - as installer calls it
    ) -> RecordEntry:
        member, path = cast("Member", stream), os.fspath(path)
        if scheme == "scripts":
            if begins(member.stored, b"#!python"):
                content = self._with_interpreter(member.stored)
                return self._write_bytes(scheme, path, content, executable=True)
            is_executable = True
        stored = member.stored
        if stored.sha256 is None:
            stored = replace(stored, sha256=_hashed_otherwise(member))
        self._add(scheme, path, stored, executable=is_executable)
        return RecordEntry(path, member.record.hash_, member.record.size)

    def finalize_installation(
        self,
        scheme: Scheme,
        record_file_path: str,
        records: Iterable[tuple[Scheme, RecordEntry]],
    ) -> None:
        with construct_record_file(records, self._prefixes.get) as file:
            self._write_bytes(scheme, record_file_path, file.read(), executable=False)

    def _write_bytes(
        self, scheme: Scheme, path: str, content: bytes, *, executable: bool
    ) -> RecordEntry:
        sha256 = hashlib.sha256(content).digest()
        self._add(scheme, path, content, executable=executable)
        return RecordEntry(path, Hash("sha256", _base64(sha256)), len(content))

    def _add(self, scheme: Scheme, path: str, content: bytes | Stored, *, executable: bool) -> None:
        whole = f"{self._roots[scheme]}/{path}".removeprefix("/")
        if not is_inside(path) or whole in self.entries:
            raise ValueError(f"{path!r} leaves its folder, or is there twice")
        if isinstance(content, bytes):
            size, sha256 = len(content), hashlib.sha256(content).digest()
        else:
            size, sha256 = content.size, content.sha256 or b""
        self.entries[whole] = Entry(path=whole, content=content, executable=executable)
        self.rows[whole] = (whole, size, _base64(sha256))

    def _with_interpreter(self, script: Stored) -> bytes:
        """A script whose first line is "#!python" (the binary distribution format)."""
        if script.size > _LONGEST_SCRIPT_BYTES:
            raise ValueError(f"a script has {script.size} bytes")
        rest = read_stored(script).partition(b"\n")[2]
        return f"#!{self._python}\n".encode() + rest


def _hashed_otherwise(member: Member) -> bytes:
    """The SHA-256 of a file that RECORD has another hash of, or none: a signature of RECORD."""
    content = read_stored(member.stored)
    said = member.record.hash_
    name = member.record.path
    if said is None and not name.endswith((".dist-info/RECORD.jws", ".dist-info/RECORD.p7s")):
        raise ValueError(f"RECORD has no digest of {name!r}")
    if said is not None and not (said.name in STRONG and said.validate(content)):
        raise ValueError(f"{name!r} is not what RECORD says")
    return hashlib.sha256(content).digest()


def _base64(digest: bytes) -> str:
    """As a RECORD writes it: URL-safe, no padding."""
    return urlsafe_b64encode(digest).decode().rstrip("=")
