"""An environment's inventory: what was in it when it was built and checked.

Written once, beside the environment and before the environment has its name; never inside it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.environment.layout import STORE_FORMAT
from holdfast.errors import StoreError

# One file: path relative to the environment, size in bytes, mtime in ns, and its digest as a
# RECORD writes it (SHA-256, URL-safe base64, no padding).
Row = tuple[str, int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One installed package.

    Attributes:
        name: Normalised (PEP 503).
        version: As installed.
        kind: What it was installed from: "wheel", "sdist", "archive" or "vcs".
        filename: That file's name, or the commit.
        pin: Its sha256 in hex, or the commit.
        files: Its files; one that two packages claim stands with both.
    """

    name: str
    version: str
    kind: str
    filename: str
    pin: str
    files: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All of one environment.

    Attributes:
        key: The environment's.
        created: Seconds since the epoch.
        checked_ns: The latest ctime of its files when they were checked: who wrote to one since
            gave it a later one.
        interpreter: path, size (bytes), mtime_ns, and the facts it gave of itself.
        site_packages: Relative to the environment.
        distributions: Sorted by name.
        own: The virtual environment's own files.
        links: Its own links and where they point.
    """

    key: str
    created: float
    checked_ns: int
    interpreter: dict[str, Any]
    site_packages: str
    distributions: tuple[Distribution, ...]
    own: tuple[Row, ...]
    links: dict[str, str]

    def rows(self) -> Iterator[Row]:
        """Every file, the environment's own too; one that two packages claim comes twice."""
        yield from self.own
        for distribution in self.distributions:
            yield from distribution.files

    def bytes_of(self, names: Collection[str]) -> int:
        """Bytes of the files of the packages `names`; a file that two of them have counts once."""
        sizes = {
            path: size
            for one in self.distributions
            if one.name in names
            for path, size, *_ in one.files
        }
        return sum(sizes.values())

    def package_of(self, module: str) -> str:
        """The package that brings `module`; "" where none does."""
        start = f"{self.site_packages}/{module.replace('.', '/')}"
        # A compiled module may have the name of its Python in its file's.
        beginnings = tuple(start + end for end in ("/", ".py", ".so", ".cpython-", ".abi3."))
        for one in self.distributions:
            if any(path.startswith(beginnings) for path, *_ in one.files):
                return one.name
        return ""

    def to_json(self) -> str:
        """As text; `read_inventory` is the way back."""
        document = {name: getattr(self, name) for name in Inventory.__slots__}
        document["format"] = STORE_FORMAT
        document["distributions"] = [
            {name: getattr(one, name) for name in Distribution.__slots__}
            for one in self.distributions
        ]
        return json.dumps(document, separators=(",", ":"))


def read_inventory(path: Path) -> Inventory:
    """Read an inventory back.

    Raises:
        StoreError: It is not there or cannot be understood.
    """
    try:
        document = json.loads(path.read_bytes())
        if document.pop("format") != STORE_FORMAT:
            raise StoreError(f"the inventory {path} is of another version of Holdfast")
        document["own"] = _rows(document["own"])
        document["distributions"] = tuple(
            Distribution(**{**one, "files": _rows(one["files"])})
            for one in document["distributions"]
        )
        return Inventory(**document)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"the inventory {path} cannot be read: {error}",
            hint="`holdfast env prune` removes what is broken; the next restore builds it again",
        ) from error


def _rows(rows: list[list[Any]]) -> tuple[Row, ...]:
    return tuple((path, size, mtime_ns, digest) for path, size, mtime_ns, digest in rows)
