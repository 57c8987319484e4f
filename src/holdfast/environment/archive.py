"""Reading a wheel strictly: one archive must have one reading.

A wheel is taken only where no name leaves the folder it is unpacked in, where its bytes can be read
in one way (`zipped.py`), and where its RECORD fits every one of them.
"""

from __future__ import annotations

import csv
import hashlib
import unicodedata
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from stat import S_IFDIR, S_IFMT, S_IFREG
from typing import BinaryIO

from holdfast.environment import zipped
from holdfast.environment.record import STRONG
from holdfast.errors import MismatchError

# Any wheel may unpack to so much; a bigger one only if it is itself of a size that fits.
_MOST_BYTES = 2 << 30
_MOST_RATIO = 20
_MOST_BYTES_EVER = 32 << 30
_MOST_ENTRIES = 200_000
_MOST_RECORD_BYTES = 64 << 20
_MOST_PROBLEMS = 20

_OWN = "build the wheel again and log the model again"


def check_wheel(path: Path, *, name: str = "", hint: str = _OWN) -> None:
    """Refuse a wheel that could be read in two ways, or that does not hold what its RECORD says.

    Args:
        path: The wheel.
        name: What it is called in a message, where that is not what its file is called.
        hint: What to do about one that is refused.

    Raises:
        MismatchError: It is one of those; every problem is named.
    """
    try:
        with path.open("rb") as file:
            zipped.check_end(file)
            with zipfile.ZipFile(file) as archive:
                entries, directory = archive.infolist(), archive.start_dir
            problems = [*_names(entries), *_limits(entries, path.stat().st_size)]
            begins: dict[str, int] = {}
            if not problems:
                begins, problems = zipped.check_layout(file, entries, directory)
            if not problems:
                problems = [*_record(file, entries, begins)]
    except (*zipped.BROKEN, csv.Error) as error:
        problems = [f"not a zip that can be read: {error}"]
    if problems:
        raise MismatchError(
            "\n".join([f"the wheel {name or path.name} is refused:", *problems[:_MOST_PROBLEMS]]),
            hint=hint,
        )


def _names(entries: list[zipfile.ZipInfo]) -> list[str]:
    problems = []
    seen: set[str] = set()
    for entry in entries:
        # `filename` is what zipfile makes of it; `orig_filename` is what stands there.
        name = entry.orig_filename
        parts = name.removesuffix("/").split("/")
        if _odd(name) or {"", ".", ".."} & set(parts):
            problems.append(f"{name!r} is no path inside the wheel")
        if _folded(name) in seen:
            problems.append(f"{name!r} is there twice")
        seen.add(_folded(name))
        if S_IFMT(entry.external_attr >> 16) not in {0, S_IFREG, S_IFDIR}:
            problems.append(f"{name!r} is a link or a device, not a file")
        if entry.is_dir() and entry.file_size:
            problems.append(f"{name!r} is a folder, and holds something")
    return problems + [
        f"{entry.filename!r} lies below a file"
        for entry in entries
        if not seen.isdisjoint(_folders(_folded(entry.filename)))
    ]


def _odd(name: str) -> bool:
    return "\\" in name or ":" in name or not name.isprintable()


def _folded(name: str) -> str:
    """What names have in common that are one file on some disk."""
    return (name if name.isascii() else unicodedata.normalize("NFC", name)).casefold()


def _folders(name: str) -> Iterator[str]:
    """The folders above a name, as a file of that name would be written."""
    at = name.rfind("/", 0, -1)
    while at > 0:
        yield name[:at]
        at = name.rfind("/", 0, at)


def _limits(entries: list[zipfile.ZipInfo], length: int) -> list[str]:
    problems = []
    if len(entries) > _MOST_ENTRIES:
        problems.append(f"{len(entries)} entries, more than {_MOST_ENTRIES}")
    most = min(max(_MOST_BYTES, _MOST_RATIO * length), _MOST_BYTES_EVER)
    if sum(entry.file_size for entry in entries) > most:
        problems.append(f"it unpacks to more than {most} bytes")
    return problems


def _record(
    file: BinaryIO, entries: list[zipfile.ZipInfo], begins: Mapping[str, int]
) -> Iterator[str]:
    """Every file is in RECORD with its digest, and every row of RECORD is a file (PEP 427)."""
    files = {entry.filename: entry for entry in entries if not entry.is_dir()}
    records = [n for n in files if n.endswith(".dist-info/RECORD") and n.count("/") == 1]
    if len(records) != 1 or files[records[0]].file_size > _MOST_RECORD_BYTES:
        yield f"{len(records)} RECORDs that can be read, where there is one"
        return
    text = b"".join(zipped.read_entry(file, files[records[0]], begins[records[0]])).decode()
    rows = [(*row, "", "") for row in csv.reader(text.splitlines()) if row]
    claims = {name: (digest, size) for name, digest, size, *_ in rows}
    if len(claims) != len({row[:3] for row in rows}):
        yield "its RECORD says two things of one file"
    yield from (
        f"{name!r} is in RECORD, not in the wheel" for name in sorted(claims.keys() - files.keys())
    )
    folder = records[0].rpartition("/")[0]
    unsigned = {f"{folder}/RECORD", f"{folder}/RECORD.jws", f"{folder}/RECORD.p7s"}
    # As they lie in the file: the disk likes that.
    for name in sorted(files.keys() - unsigned, key=begins.__getitem__):
        digest, size = claims.get(name, ("", ""))
        if digest.partition("=")[0] not in STRONG:
            yield f"{name!r} has no digest in RECORD"
        elif size not in {"", str(files[name].file_size)} or not _is(
            digest, zipped.read_entry(file, files[name], begins[name])
        ):
            yield f"{name!r} is not what RECORD says"


def _is(claim: str, parts: Iterator[bytes]) -> bool:
    """Whether content has the digest that a row of RECORD says, "sha256=…"."""
    algorithm, _, digest = claim.partition("=")
    state = hashlib.new(algorithm, usedforsecurity=False)
    for part in parts:
        state.update(part)
    return urlsafe_b64encode(state.digest()).decode().rstrip("=") == digest.rstrip("=")
