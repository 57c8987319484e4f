"""Where the store keeps what, and that only its owner can write there.

The store is one folder of the user's, in mode 0700; in an image, one of root's. Whoever
can write to it decides which code our worker runs, so a folder that others can write to is refused,
never repaired in silence.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from holdfast.errors import StoreError
from holdfast.home import home as holdfast_home
from holdfast.home import is_trusted

# Part of every key: raise it when what a finished environment holds changes, and old ones are
# never handed out again.
STORE_FORMAT = 1

FOLDERS = (
    "building",
    "environments",
    "inventories",
    "locks",
    "pycache",
    "pythons",
    "requests",
    "trash",
    "wheels",
)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one store.

    Attributes:
        home: The store's folder, absolute and resolved.
    """

    home: Path

    @property
    def building(self) -> Path:
        """Builds under way: `<key>.<pid>.<random>` and a lock file beside each."""
        return self.home / "building"

    @property
    def ledger(self) -> Path:
        """Which environment had a package last."""
        return self.home / "ledger.json"

    @property
    def pythons(self) -> Path:
        """What interpreters said of themselves."""
        return self.home / "pythons"

    @property
    def trash(self) -> Path:
        """What is on its way out."""
        return self.home / "trash"

    @property
    def wheels(self) -> Path:
        """First-party wheels by sha256: `<sha256>/<file name>`."""
        return self.home / "wheels"

    def environment(self, key: str) -> Path:
        """The finished environment of `key`."""
        return self.home / "environments" / key

    def inventory(self, key: str) -> Path:
        """The inventory of `key`; it is written before the environment gets its name."""
        return self.home / "inventories" / f"{key}.json"

    def pycache(self, key: str) -> Path:
        """The bytecode that the worker may write: outside the environment, which never changes."""
        return self.home / "pycache" / key

    def count(self, outcome: str) -> Path:
        """A byte for each restore that went so."""
        return self.home / f"{outcome}.count"

    def request(self, digest: str) -> Path:
        """The key that a restore with these inputs came to."""
        return self.home / "requests" / f"{digest}.json"

    def build_lock(self, key: str) -> Path:
        """Held by the one builder of `key`."""
        return self.home / "locks" / f"{key}.build"

    def lease_lock(self, key: str) -> Path:
        """Held, shared, by all who use `key`; its mtime is when the environment was last used."""
        return self.home / "locks" / f"{key}.lease"


def open_layout(home: Path | None) -> Layout:
    """The store under `home`, else under Holdfast's own folder (`holdfast.home`); made if missing.

    Raises:
        StoreError: It cannot be made, belongs to another user, or others can write to it.
    """
    home = holdfast_home() if home is None else home
    store = home.absolute() / "store"
    with explained(f"the store at {store} cannot be opened"):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_shared(home)
        _make_private(store)
        store = store.resolve()
        _refuse_shared(store)
        for name in FOLDERS:
            _make_private(store / name)
    return Layout(store)


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise StoreError(
                f"{folder} is in the store's way: it is not a folder",
                hint="move it, or set HOLDFAST_HOME to another folder",
            ) from None


def _refuse_shared(folder: Path) -> None:
    found = folder.stat()
    if not is_trusted(found):
        raise StoreError(
            f"{folder} belongs to user id {found.st_uid}, not to us ({os.geteuid()})",
            hint="set HOLDFAST_HOME to a folder of your own",
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StoreError(
            f"others can write to {folder} (mode {stat.S_IMODE(found.st_mode):04o}), "
            "and so decide what code runs from there",
            hint=f"chmod go-w {folder}, or set HOLDFAST_HOME to a folder of your own",
        )


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn the system's errors into StoreErrors that begin with `what`."""
    try:
        yield
    except OSError as error:
        full = error.errno in _FULL
        raise StoreError(
            f"{what}: {error}",
            hint="free some disk, or `holdfast env prune`" if full else None,
        ) from error


def write_whole(path: Path, text: str, *, durable: bool = False) -> None:
    """Write `text` so that a reader finds all of it or what was there before.

    Args:
        path: The file; its folder exists.
        text: What it shall hold.
        durable: Have it on the disk before it gets its name.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
