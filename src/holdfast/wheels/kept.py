"""Wheels that were fetched or built: `wheels/<pin>/<file name>` in the store, a note beside each.

The note says what the file was when it was hashed and read strictly, so that this is done once a
wheel. The folder is the user's own (0700): a file whose size and times are those of the note is
taken for the one that was checked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from holdfast.environment.archive import check_wheel
from holdfast.environment.layout import Layout, explained, write_whole
from holdfast.environment.lease import alone
from holdfast.environment.plan import Package
from holdfast.environment.wheels import LOCK, NOTE, wheel_folder
from holdfast.errors import LockError
from holdfast.lock.source import file_name
from holdfast.lock.target import Target
from holdfast.progress import Progress
from holdfast.seal.digest import digest_file

# What came of a download so far, or a copy that is not checked yet.
PARTIAL = ".partial"

_BAD = "the index, or whoever made the lock, gives a wheel that cannot be trusted; do not use it"


def is_wheel(package: Package) -> bool:
    """Whether the file that was locked is a wheel; one that a URL names is an archive to a lock."""
    return package.chosen.kind in {"wheel", "archive"} and wheel_name(package).endswith(".whl")


def wheel_name(package: Package) -> str:
    """The file's own name, without what a URL adds to it."""
    return file_name(package.chosen.filename)


def find(layout: Layout, package: Package, target: Target) -> Path | None:
    """The package's wheel for `target`, if it is kept and is still what was checked.

    Raises:
        StoreError: The store cannot be read.
    """
    folder = wheel_folder(layout, package)
    with explained("the wheel store cannot be read"):
        if is_wheel(package):
            return _if_checked(folder / wheel_name(package), package.pin)
        for path in sorted(folder.glob("*.whl")):
            if _fits(path.name, package, target) and _if_checked(path):
                return path
    return None


def _if_checked(path: Path, sha256: str = "") -> Path | None:
    """The wheel at `path`; without a locked digest, the noted one is what it must have."""
    if not path.is_file():
        return None
    known = _noted(path)
    if known.get("identity") != _identity(path):
        # A store that was copied has the same bytes with other times.
        sha256 = sha256 or str(known.get("sha256"))
        if digest_file(path).sha256 != sha256:
            return None
        admit(path, path, sha256)
    os.utime(path.parent)  # prune leaves alone what is about to be used
    return path


def admit(partial: Path, path: Path, sha256: str) -> Path:
    """Give a file its name in the store; it is read strictly before.

    Args:
        partial: The file.
        path: What it is to be.
        sha256: Its digest, which is known to be right.

    Raises:
        MismatchError: The wheel could be read in two ways, or its RECORD does not fit it.
    """
    check_wheel(partial, name=path.name, hint=_BAD)
    partial.replace(path)
    write_whole(_note(path), json.dumps({"sha256": sha256, "identity": _identity(path)}))
    return path


@contextmanager
def place(layout: Layout, package: Package, on_progress: Progress) -> Iterator[Path]:
    """The package's folder in the store, held against everybody else who would fill it."""

    def say() -> None:
        on_progress(f"waiting for another process that fetches {package.chosen.name}")

    folder = wheel_folder(layout, package)
    folder.mkdir(mode=0o700, exist_ok=True)
    os.utime(folder)
    with alone(folder / LOCK, say):
        yield folder


def check_name(name: str, package: Package, target: Target) -> None:
    """Refuse a wheel that is not the package's, or not for `target`, whatever it holds.

    Raises:
        LockError: So it is.
    """
    if not _fits(name, package, target):
        raise LockError(
            f"{package.chosen.name}: {name!r} is no wheel of it for Python {target.version} "
            f"({target.abi})"
        )


def _fits(name: str, package: Package, target: Target) -> bool:
    try:
        found, _, _, tags = parse_wheel_filename(name)
    except InvalidWheelFilename:
        return False
    return (
        Path(name).name == name
        and found == canonicalize_name(package.chosen.name)
        and not tags.isdisjoint(target.tags)
    )


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}{NOTE}")


def _noted(path: Path) -> dict[str, object]:
    try:
        known = json.loads(_note(path).read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _identity(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]
