"""What the compiled code in wheels asks of a base, read from the wheels and kept by file."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from holdfast.environment.layout import write_whole
from holdfast.environment.zipped import BROKEN, check_layout, read_entry
from holdfast.errors import InputError
from holdfast.image.base.elf import MAGIC, Elf, read_elf

# Raise it when other things are read from the same wheel.
_FORMAT = 1
_CODE = re.compile(r".+\.so(\.[\w.]+)?|.+\.data/scripts/[^/]+|(.+/)?s?bin/[^/]+", re.ASCII)
_IN_MEMORY_BYTES = 128 << 20
_AT_ONCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A program or a shared library in a wheel.

    Attributes:
        package: Whose it is.
        path: Where it lies in the wheel.
        elf: What it says to the loader.
    """

    package: str
    path: str
    elf: Elf

    @property
    def names(self) -> set[str]:
        """What others may ask for it by."""
        return {PurePosixPath(self.path).name, self.elf.soname} - {""}


def code_in(wheels: Mapping[str, Path], kept: Path) -> tuple[Code, ...]:
    """The compiled code of all wheels; a wheel is read once for as long as it is the same file.

    Args:
        wheels: By package; each was checked to be a wheel with one reading.
        kept: A folder of ours, where what was read is kept.

    Raises:
        InputError: A wheel cannot be read.
    """
    kept.mkdir(parents=True, exist_ok=True)
    notes = {package: _note(wheels[package], kept) for package in sorted(wheels)}
    known = {package: _recalled(note) for package, note in notes.items()}
    unread = [package for package, found in known.items() if found is None]
    if unread:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            each = pool.map(lambda one: _read_and_note(wheels[one], notes[one]), unread)
            known |= zip(unread, each, strict=True)
    return tuple(
        Code(package=package, path=path, elf=elf)
        for package, found in known.items()
        for path, elf in sorted((found or {}).items())
    )


def _note(wheel: Path, kept: Path) -> Path:
    """Where what was read of a wheel is kept."""
    try:
        found = wheel.stat()
    except OSError as error:
        raise InputError(f"{wheel.name} cannot be read: {error}") from error
    identity = [_FORMAT, os.path.realpath(wheel), found.st_size, found.st_mtime_ns]
    return kept / f"{hashlib.sha256(json.dumps(identity).encode()).hexdigest()}.json"


def _read_and_note(wheel: Path, note: Path) -> dict[str, Elf]:
    try:
        found = dict(_read(wheel))
        write_whole(note, json.dumps({path: elf.as_json() for path, elf in found.items()}))
    except BROKEN as error:
        raise InputError(f"{wheel.name} cannot be read: {error}") from error
    return found


def _recalled(note: Path) -> dict[str, Elf] | None:
    try:
        return {path: Elf.from_json(said) for path, said in json.loads(note.read_bytes()).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _read(wheel: Path) -> Iterator[tuple[str, Elf]]:
    with wheel.open("rb") as file, zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        begins, problems = check_layout(file, entries, archive.start_dir)
        if problems:
            raise zipfile.BadZipFile(problems[0])
        for entry in entries:
            if not _CODE.fullmatch(entry.filename):
                continue
            with _spooled(read_entry(file, entry, begins[entry.filename])) as unpacked:
                elf = read_elf(unpacked)
                if elf is not None:
                    yield entry.filename, elf


def _spooled(parts: Iterator[bytes]) -> BinaryIO:
    """A file that can be sought in, in memory where it is small; empty where it is no ELF file."""
    file = cast("BinaryIO", tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES))  # noqa: SIM115
    for part in parts:
        if file.tell() == 0 and not part.startswith(MAGIC):
            break
        file.write(part)
    return file
