"""The environment of an image, as values, and as the inventory that says what was in it.

`environment/build.py` writes such an inventory of what it has installed; here nothing is installed,
and what is in the wheels says it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from posixpath import relpath
from typing import Any

from packaging.utils import canonicalize_name

from holdfast.environment.inventory import Distribution, Inventory
from holdfast.environment.inventory import Row as InventoryRow
from holdfast.environment.plan import Package, key_of
from holdfast.environment.spec import Spec
from holdfast.image.inside.places import ENVIRONMENT, absolute, place_of
from holdfast.image.values import Entry, Row
from holdfast.lock.target import Target

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The environment of an image.

    Attributes:
        spec: What the model's seal asked for.
        packages: What was chosen of it for the base's Python, sorted by name.
        target: The base's Python, as packages were chosen for it.
        python: Its program's path in the base, links resolved.
        program: Size in bytes and mtime in seconds of that program.
        frame: The virtual environment's own entries and rows; see `frame_entries`.
        rows: Rows of each package's files, by its name.
        time: The mtime that layers give to files, in seconds since the epoch.
    """

    spec: Spec
    packages: tuple[Package, ...]
    target: Target
    python: str
    program: tuple[int, int]
    frame: tuple[Sequence[Entry], Sequence[Row]]
    rows: Mapping[str, Sequence[Row]]
    time: int = 0

    @property
    def key(self) -> str:
        """The environment's name in the image's store."""
        return key_of(self.packages, self.target)

    @property
    def site_packages(self) -> str:
        """Relative to the environment."""
        return _inside(place_of(ENVIRONMENT, self.target.version).site_packages.lstrip("/"))


def inventory_of(contents: Contents) -> Inventory:
    """What is in the environment, file by file."""
    entries, own = contents.frame
    return Inventory(
        key=contents.key,
        created=contents.time,
        checked_ns=0,
        interpreter=_interpreter(contents),
        site_packages=contents.site_packages,
        distributions=_distributions(contents),
        own=_rows(contents, own),
        links={_inside(entry.path): entry.link for entry in entries if entry.link},
    )


def check_records(contents: Contents, read: Callable[[str], str]) -> None:
    """Compare the packages' RECORDs with those that were sealed, as a restore does.

    Args:
        contents: The environment.
        read: The RECORD of a package, by its name, as it will stand in the image; asked only where
            the rows alone do not show that it is the sealed one.

    Raises:
        MismatchError: One differs: the same lock gives other bytes here.
    """
    from holdfast.environment.sealed import refuse_others
    from holdfast.project.installed import record_digest

    site_packages = absolute(f"{ENVIRONMENT}/{contents.site_packages}")

    def is_sealed(one: Distribution, sealed: str) -> bool:
        rows = contents.rows[one.name]
        if record_digest(_as_record(rows, site_packages)) == sealed:
            return True
        return record_digest(read(one.name)) == sealed

    here = (contents.target.abi, contents.target.libc)
    refuse_others(_distributions(contents), is_sealed, contents.packages, here, contents.spec)


def _as_record(rows: Iterable[Row], site_packages: str) -> str:
    """What a RECORD says of these files, but for commas in their names and other hashes."""
    lines = []
    for path, size, digest in rows:
        name = relpath(absolute(path), site_packages)
        is_record = name.endswith(".dist-info/RECORD") and name.count("/") == 1
        lines.append(f"{name},,\n" if is_record else f"{name},sha256={digest},{size}\n")
    return "".join(lines)


def _distributions(contents: Contents) -> tuple[Distribution, ...]:
    return tuple(
        Distribution(
            name=package.chosen.name,
            version=_version(contents, package),
            kind=package.chosen.kind,
            filename=package.chosen.filename,
            pin=package.pin,
            files=_rows(contents, contents.rows[package.chosen.name]),
        )
        for package in contents.packages
    )


def _version(contents: Contents, package: Package) -> str:
    """As installed: a lock need not name one, and may write it in another form."""
    folder = re.escape(f"{ENVIRONMENT}/{contents.site_packages}/")
    record = re.compile(folder + r"([^/]+)-([^/-]+)\.dist-info/RECORD")
    name = package.chosen.name
    found = (record.fullmatch(path) for path, *_ in contents.rows[name])
    versions = (match[2] for match in found if match and canonicalize_name(match[1]) == name)
    return next(versions, package.chosen.version or "")


def _rows(contents: Contents, rows: Iterable[Row]) -> tuple[InventoryRow, ...]:
    time = contents.time * _NANOSECONDS
    return tuple((_inside(path), size, time, digest) for path, size, digest in sorted(rows))


def _inside(path: str) -> str:
    return path.removeprefix(f"{ENVIRONMENT}/")


def _interpreter(contents: Contents) -> dict[str, Any]:
    """What is known of the base's Python without running it."""
    target, (size, mtime) = contents.target, contents.program
    return {
        "path": contents.python,
        "size": size,
        "mtime_ns": mtime * _NANOSECONDS,
        "facts": {
            "executable": contents.python,
            "implementation": target.implementation,
            "version": target.version,
            "abi": target.abi,
            "libc": target.libc,
            "free_threaded": False,
            "markers": dict(target.markers),
        },
    }
