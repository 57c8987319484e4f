"""Advisories on this disk: OSV records in a folder, or in a zip of them, where there is no network.

As OSV gives them out for an ecosystem (a zip of JSON files), and as the Python Packaging Advisory
Database has them in its repository (YAML files in folders).
"""

from __future__ import annotations

import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from packaging.version import Version

from holdfast.audit.advisory import Advisory, read_advisory
from holdfast.audit.service import Found
from holdfast.errors import InputError
from holdfast.progress import Progress

_MOST_BYTES = 16 << 20  # of one record
_SUFFIXES = (".json", ".yaml", ".yml")
_SHOWN = 5
_HINT = "name a folder of OSV records (JSON or YAML), or a zip of them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """What was read.

    Attributes:
        records: How many, those of other ecosystems included.
        newest: When the newest of them was last changed, ISO 8601.
        by_name: The advisories about each package.
    """

    records: int
    newest: str
    by_name: dict[str, tuple[Advisory, ...]]

    def ask(self, wanted: Iterable[tuple[str, str]]) -> Found:
        """The advisories about each of `wanted`, which are names and versions."""
        return {
            (name, version): tuple(
                one for one in self.by_name.get(name, ()) if one.affects(name, Version(version))
            )
            for name, version in set(wanted)
        }


def read_database(path: Path, on_progress: Progress) -> Database:
    """Read all of it: every JSON and YAML file in the folder or zip is an OSV record.

    Raises:
        InputError: There is none, or a file is none; they are named.
    """
    on_progress(f"reading the advisories in {path}")
    by_name: dict[str, list[Advisory]] = defaultdict(list)
    problems: list[str] = []
    count, newest = 0, ""
    for name, data in _files(path):
        try:
            advisory = read_advisory(_parsed(name, data))
        except (ValueError, RecursionError, yaml.YAMLError) as error:
            problems.append(f"{name}: {' '.join(str(error).split())}")
            continue
        count += 1
        newest = max(newest, advisory.modified)
        for affected in {one.name for one in advisory.affected}:
            by_name[affected].append(advisory)
    if problems:
        more = f"\nand {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        said = "\n".join(problems[:_SHOWN])
        raise InputError(f"{path} has files that are no advisories:\n{said}{more}", hint=_HINT)
    if not by_name:
        raise InputError(f"{path} has no advisory about a Python package", hint=_HINT)
    return Database(
        records=count, newest=newest, by_name={name: tuple(all_) for name, all_ in by_name.items()}
    )


def _parsed(name: str, data: bytes) -> Any:
    if len(data) > _MOST_BYTES:
        raise ValueError("it is larger than any record")
    if name.endswith(".json"):
        return json.loads(data)
    # It makes text of all there is: a version that somebody wrote without quotes stays what it is.
    reader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)(data)
    try:
        return reader.get_single_data()
    finally:
        reader.dispose()


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents; what a repository has besides its records begins with a dot."""
    try:
        if path.is_dir():
            for one in sorted(path.rglob("*")):
                inner = one.relative_to(path)
                hidden = any(part.startswith(".") for part in inner.parts)
                if one.suffix in _SUFFIXES and one.is_file() and not hidden:
                    yield str(inner), _read(one)
            for one in sorted(path.glob("*.zip")):
                yield from _zipped(one)
        else:
            yield from _zipped(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path} cannot be read: {error}", hint=_HINT) from error


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES + 1)


def _zipped(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.filename.endswith(_SUFFIXES):
                with archive.open(info) as file:
                    yield info.filename, file.read(_MOST_BYTES + 1)
