"""The wheel store: wheels by what fixes their bytes; here those that lie beside a lock.

A restore needs the model's folder once, and uv finds a wheel under one path for ever.
A wheel is copied in, and the copy is what is hashed, checked and given to uv: nobody can swap it
in between. Wheels from elsewhere come in by `holdfast.wheels`.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from holdfast.environment.archive import check_wheel
from holdfast.environment.layout import Layout, explained
from holdfast.environment.plan import Package
from holdfast.errors import LockError, MismatchError

# Beside a wheel that was fetched or built: what it was when it was checked.
NOTE = ".checked"
# In each folder, held by whoever fills or removes it.
LOCK = ".lock"

_CHUNK_BYTES = 1 << 20
# A sha256, or a commit's id: nothing else of a lock's names a folder of ours.
_PIN = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def wheel_folder(layout: Layout, package: Package) -> Path:
    """Where the store keeps the wheels of a package's one file, or commit; it may not be there.

    Raises:
        LockError: What the lock has for its digest is none.
    """
    if not _PIN.fullmatch(package.pin):
        raise LockError(f"{package.chosen.name}: {package.pin!r} is neither a sha256 nor a commit")
    return layout.wheels / package.pin


def admit_wheel(layout: Layout, folder: Path, package: Package) -> Path:
    """Have a package's wheel in the wheel store, checked.

    Args:
        layout: The store.
        folder: What the package's path starts from.
        package: One whose file lies beside the lock.

    Returns:
        Its path in the store.

    Raises:
        LockError: The path leaves the folder, or nothing is there.
        MismatchError: The file is not the one that was locked, or no wheel to trust.
        StoreError: The copy cannot be written.
    """
    chosen = package.chosen
    sha256 = chosen.sha256 or ""
    home = wheel_folder(layout, package)
    # The name is somebody else's; what `Path.name` leaves of it is one part of a path.
    kept = home / Path(chosen.filename).name
    with explained("the wheel store cannot be written"):
        home.mkdir(mode=0o700, exist_ok=True)
        os.utime(home)  # prune leaves alone what is about to be used
        if kept.is_file() and _sha256(kept) == sha256:
            return kept
        partial = home / f".{os.getpid()}.{os.urandom(4).hex()}.whl"
        try:
            found = copy_hashed(_inside(folder, package), partial)
            if found != sha256:
                raise MismatchError(
                    f"{package.path} is not the wheel that was locked: sha256 {sha256} expected, "
                    f"{found} found",
                    hint="the model's files have changed since it was logged; do not use them",
                )
            if chosen.kind == "wheel" or kept.suffix == ".whl":
                check_wheel(partial, name=kept.name)
            partial.replace(kept)
        finally:
            partial.unlink(missing_ok=True)
    return kept


def _inside(folder: Path, package: Package) -> Path:
    """Where the file lies; refused where the path leaves the folder."""
    path = folder / package.path
    root = folder.resolve()
    if Path(package.path).is_absolute() or root not in path.resolve().parents:
        raise LockError(
            f"{package.chosen.name}: its file {package.path!r} is not in the folder of the lock"
        )
    if not path.is_file():
        raise LockError(
            f"{package.chosen.name}: its file {package.path} is not in {folder}",
            hint="fetch the whole model again",
        )
    return path


def copy_hashed(source: Path, target: Path) -> str:
    """Copy a file, not through a link at its end; the sha256 of what was copied, in hex.

    Raises:
        LockError: It is no file.
        OSError: It cannot be read, or not be written.
    """
    digest = hashlib.sha256()
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as reader, target.open("xb") as writer:  # noqa: PTH123
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise LockError(f"{source} is not a file")
        while chunk := reader.read(_CHUNK_BYTES):
            digest.update(chunk)
            writer.write(chunk)
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
