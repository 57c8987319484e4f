"""Digests of files: of a model's folder when it is sealed, and again before anything is opened."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from holdfast.errors import InputError

SEAL_FILE = "holdfast/seal.json"

# Written into a sealed folder by MLflow itself, after the seal: the registry's note on where the
# model came from, and Unity Catalog's copy of the model's metadata.
ADDED_BY_MLFLOW = ("registered_model_meta", "metadata/")

_CHUNK = 1 << 20
_THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDigest:
    """Size in bytes and SHA-256, in hex, of one file."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileComparison:
    """How a folder differs from what was sealed: relative paths, each sorted."""

    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def matches(self) -> bool:
        """Whether nothing differs."""
        return not (self.changed or self.missing or self.extra)


def digest_bytes(data: bytes) -> str:
    """SHA-256 of `data`, in hex."""
    return hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> FileDigest:
    """Size and SHA-256 of the file at `path`, read in pieces of 1 MiB.

    Raises:
        OSError: It cannot be read, or it is a link.
    """
    sha256 = hashlib.sha256()
    size = 0
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
            size += len(chunk)
    return FileDigest(size=size, sha256=sha256.hexdigest())


def digest_folder(folder: Path) -> dict[str, FileDigest]:
    """Digest of every file below `folder` that a seal covers, by path relative to it."""
    paths = sorted(_sealed_paths(folder))
    return dict(zip(paths, _digest_each(folder, paths), strict=True))


def compare_folder(folder: Path, sealed: Mapping[str, FileDigest]) -> FileComparison:
    """Hash everything below `folder` and name each file that is not as `sealed` says.

    Raises:
        InputError: A sealed path leads out of the folder.
    """
    for path in sealed:
        inside(folder, path)
    present = set(_sealed_paths(folder))
    both = sorted(present & sealed.keys())
    found = zip(both, _digest_each(folder, both), strict=True)
    return FileComparison(
        changed=tuple(path for path, digest in found if digest != sealed[path]),
        missing=tuple(sorted(sealed.keys() - present)),
        extra=tuple(sorted(present - sealed.keys())),
    )


def inside(root: Path, relative: str) -> Path:
    """The file `relative` names below `root`.

    Raises:
        InputError: The path is absolute, climbs with "..", has a backslash or a null, or goes
            through a link (CVE-2025-11201, CVE-2026-27905: paths in other people's archives).
    """
    parts = PurePosixPath(relative).parts
    if not parts or relative.startswith("/") or {"..", "."} & set(relative.split("/")):
        raise InputError(f"path {relative!r} leads out of {root}")
    if "\\" in relative or "\0" in relative:
        raise InputError(f"path {relative!r} has a character that no sealed path has")
    path = root
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise InputError(f"{relative!r} goes through a link in {root}")
    return path


def _sealed_paths(folder: Path) -> Iterator[str]:
    """Every file that a seal covers; a link counts as a file, so that a new one is seen."""
    for base, folders, files in os.walk(folder):
        relative = Path(base).relative_to(folder)
        links = [name for name in folders if (Path(base) / name).is_symlink()]
        folders[:] = [name for name in folders if name != "__pycache__" and name not in links]
        for name in (*files, *links):
            path = (relative / name).as_posix()
            if path != SEAL_FILE and not path.startswith(ADDED_BY_MLFLOW):
                yield path


def _digest_each(folder: Path, paths: Iterable[str]) -> list[FileDigest]:
    def digest(path: str) -> FileDigest:
        try:
            return digest_file(folder / path)
        except OSError:
            if stat.S_ISREG(os.lstat(folder / path).st_mode):
                raise
            return FileDigest(size=0, sha256="not a regular file")

    with ThreadPoolExecutor(_THREADS) as threads:
        return list(threads.map(digest, paths))
