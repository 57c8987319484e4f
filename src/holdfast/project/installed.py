"""What is really installed in the running environment: the truth a model was trained with."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.parser import HeaderParser
from functools import lru_cache
from pathlib import Path
from typing import Any

from holdfast.redact import redact

# PEP 508's names; pip renames what it is about to remove to "~name", and may leave that behind.
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")

# Rows of a RECORD that say how it was installed, not what: they differ between two installs of one
# wheel (PEP 376 and PEP 610 files, uv's own notes, scripts whose first line names the interpreter,
# bytecode).
_NOTES = re.compile(
    r"\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json|uv_cache\.json|uv_build\.json),"
)
_SCRIPTS = re.compile(r"\.\./.*(bin|Scripts)/[^/,]+,")
_SIZE = re.compile(r',"?(\d{1,15})"?\r?$', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """One installed distribution.

    Attributes:
        name: Normalised (PEP 503).
        version: As its dist-info says.
        dist_info: The folder with its metadata.
        direct_url: PEP 610's record of where it came from, empty for an index.
        by_conda: Whether conda has built it: its files are not those of the index's wheel, and
            what it says of where it came from is of the machine that built it.
    """

    name: str
    version: str
    dist_info: Path
    direct_url: Mapping[str, Any] = field(default_factory=dict)
    by_conda: bool = False

    @property
    def editable(self) -> bool:
        """Whether its code lies in a project's folder."""
        return bool(self.direct_url.get("dir_info", {}).get("editable"))


def installed_distributions(path: Iterable[str] | None = None) -> dict[str, Installed]:
    """The distributions on `path` (by default `sys.path`), by normalised name.

    Where two of one name are there, the first counts, as it does for `import`. What a package has
    brought along in its own folder and put on the path, as setuptools does, is part of it.
    """
    found: dict[str, Installed] = {}
    conda = path is None and (Path(sys.prefix) / "conda-meta").is_dir()
    folders = [Path(one or ".") for one in dict.fromkeys(sys.path if path is None else path)]
    of_packages = {one for one in folders if one.name in {"site-packages", "dist-packages"}}
    for folder in folders:
        if not of_packages & set(folder.parents):
            for one in _in_folder(folder, conda=conda):
                found.setdefault(one.name, one)
    return found


def requirement_of(one: Installed) -> str:
    """A requirement for exactly what is installed (PEP 610 says where it came from)."""
    url = redact(str(one.direct_url.get("url", "")))
    subdirectory = one.direct_url.get("subdirectory")
    inner = f"#subdirectory={subdirectory}" if subdirectory else ""
    if "vcs_info" in one.direct_url:
        vcs = one.direct_url["vcs_info"]
        return f"{one.name} @ {vcs['vcs']}+{url}@{vcs['commit_id']}{inner}"
    if "archive_info" in one.direct_url:
        return f"{one.name} @ {url}{inner}"
    return f"{one.name}=={one.version}"


def requirements_of(one: Installed) -> list[str]:
    """What its metadata says it needs (`Requires-Dist`), extras and all."""
    text = (one.dist_info / "METADATA").read_text(encoding="utf-8", errors="replace")
    header = HeaderParser().parsestr(text.partition("\n\n")[0])
    return [str(line) for line in header.get_all("Requires-Dist", [])]


def record_digest(record: str) -> str:
    """SHA-256 of what a RECORD says of the wheel, however and wherever it was installed.

    Args:
        record: The RECORD's text (PEP 376, a CSV of path, hash and size).
    """
    rows = sorted(row for row in _rows(record) if not _is_of_the_installer(row))
    return hashlib.sha256("".join(f"{row}\n" for row in rows).encode()).hexdigest()


def _is_of_the_installer(row: str) -> bool:
    # Tens of thousands of rows at every log: plain searches first.
    return (
        "__pycache__/" in row
        or ".pyc," in row
        or ".data/scripts/" in row
        or (".dist-info/" in row and _NOTES.search(row) is not None)
        or (row.startswith("../") and _SCRIPTS.match(row) is not None)
    )


def _rows(record: str) -> Iterable[str]:
    """The rows of a RECORD without their quotes; with no quote in it, they are its lines."""
    lines = record.splitlines()
    if '"' not in record:
        return filter(None, lines)
    return (",".join(row[:3]) for row in csv.reader(lines) if row)


def installed_record(one: Installed) -> tuple[str, int]:
    """`record_digest` and `record_size` of an installed distribution.

    "" and 0 where it has no RECORD or is editable.
    """
    path = one.dist_info / "RECORD"
    if one.editable or one.by_conda or not path.is_file():
        return "", 0
    about = path.stat()
    return _record_at(path, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=4096)
def _record_at(path: Path, _modified: int, _size: int) -> tuple[str, int]:
    """What the RECORD at `path` says; a program that logs twice reads it once."""
    record = path.read_text(encoding="utf-8")
    return record_digest(record), record_size(record)


def record_size(record: str) -> int:
    """The bytes of all the files that a RECORD gives the size of (bytecode has none there)."""
    return sum(map(int, _SIZE.findall(record)))


def _in_folder(folder: Path, *, conda: bool) -> Iterator[Installed]:
    if not folder.is_dir():
        return
    for entry in sorted(folder.glob("*.dist-info")):
        # The binary distribution format: {name}-{version}.dist-info, neither with a dash in it.
        name, _, version = entry.name[: -len(".dist-info")].partition("-")
        if version and _NAME.fullmatch(name) and (entry / "METADATA").is_file():
            by_conda = conda and _installer(entry) == "conda"
            yield Installed(
                name=re.sub(r"[-_.]+", "-", name).lower(),
                version=version,
                dist_info=entry,
                direct_url={} if by_conda else _direct_url(entry / "direct_url.json"),
                by_conda=by_conda,
            )


def _installer(dist_info: Path) -> str:
    try:
        return (dist_info / "INSTALLER").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _direct_url(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
