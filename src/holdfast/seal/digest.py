"""Digests of files: of a model's folder when it is sealed, and again before anything is opened."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from holdfast.errors import InputError

SEAL_FILE = "holdfast/seal.json"
LOCK_FILE = "pylock.toml"  # PEP 751's name

# Written into a sealed folder by MLflow itself, after the seal: the registry's note on where the
# model came from, and Unity Catalog's copy of the model's metadata.
_ADDED_BY_MLFLOW = re.compile(r"registered_model_meta|metadata/.*", re.DOTALL)

_NOT_OURS = "no Holdfast writes such a seal; do not use this model"
_CHUNK = 1 << 20
_THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDigest:
    """Size in bytes and SHA-256, in hex, of one file."""

    size: int
    sha256: str


# Of a link, a pipe or a device; no seal can bless one.
_NO_FILE = FileDigest(size=0, sha256="not a regular file")


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
        OSError: It cannot be read, or it is a link, a pipe or a device.
    """
    sha256 = hashlib.sha256()
    size = 0
    # Without waiting: the other end of a pipe may never come.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
            size += len(chunk)
    return FileDigest(size=size, sha256=sha256.hexdigest())


def digest_folder(folder: Path) -> dict[str, FileDigest]:
    """Digest of every file below `folder` that a seal covers, by path relative to it.

    For sealing, in the process that has just written the folder. A link counts as the file or
    folder it leads to: that is what MLflow uploads, and what is there when the seal is compared.
    """
    paths = sorted(_sealed_paths(folder, follow=True))
    real = [os.path.realpath(folder / path) for path in paths]
    return dict(zip(paths, _digest_each(folder, real), strict=True))


def compare_folder(folder: Path, sealed: Mapping[str, FileDigest]) -> FileComparison:
    """Hash everything below `folder` and name each file that is not as `sealed` says.

    What became a link, a pipe or a device has changed; it is not followed.

    Raises:
        InputError: A sealed path leads out of the folder.
    """
    for path in sealed:
        _parts(folder, path)
    present = set(_sealed_paths(folder))
    both = sorted(present & sealed.keys())
    found = zip(both, _digest_each(folder, both), strict=True)
    return FileComparison(
        changed=tuple(
            path for path, digest in found if digest is _NO_FILE or digest != sealed[path]
        ),
        missing=tuple(sorted(sealed.keys() - present)),
        extra=tuple(sorted(present - sealed.keys())),
    )


def inside(root: Path, relative: str) -> Path:
    """The file `relative` names below `root`.

    Raises:
        InputError: The path is absolute, climbs with "..", has a backslash or a null, or goes
            through a link (CVE-2025-11201, CVE-2026-27905: paths in other people's archives).
    """
    path = root
    for part in _parts(root, relative):
        path = path / part
        if path.is_symlink():
            raise InputError(f"{relative!r} goes through a link in {root}", hint=_NOT_OURS)
    return path


def _parts(root: Path, relative: str) -> tuple[str, ...]:
    parts = PurePosixPath(relative).parts
    if not parts or relative.startswith("/") or {"..", "."} & set(relative.split("/")):
        raise InputError(f"path {relative!r} leads out of {root}", hint=_NOT_OURS)
    if "\\" in relative or "\0" in relative:
        raise InputError(
            f"path {relative!r} has a character that no sealed path has", hint=_NOT_OURS
        )
    return parts


def _sealed_paths(folder: Path, *, follow: bool = False) -> Iterator[str]:
    """Every file that a seal covers; a link counts as a file, so that a new one is seen.

    Args:
        folder: The model's.
        follow: Go into folders that links lead to, but never into one that we are in.
    """
    for base, folders, files in os.walk(folder, followlinks=follow):
        relative = Path(base).relative_to(folder)
        links = [name for name in folders if (Path(base) / name).is_symlink()]
        if follow:
            here = Path(base).resolve()
            links = [name for name in links if here.is_relative_to((Path(base) / name).resolve())]
        folders[:] = [name for name in folders if name != "__pycache__" and name not in links]
        for name in (*files, *links):
            path = (relative / name).as_posix()
            if path != SEAL_FILE and not _ADDED_BY_MLFLOW.fullmatch(path):
                yield path


def _digest_each(folder: Path, paths: Iterable[str]) -> list[FileDigest]:
    def digest(path: str) -> FileDigest:
        try:
            return digest_file(folder / path)
        except OSError:
            if stat.S_ISREG(os.lstat(folder / path).st_mode):
                raise
            return _NO_FILE

    with ThreadPoolExecutor(_THREADS) as threads:
        return list(threads.map(digest, paths))
