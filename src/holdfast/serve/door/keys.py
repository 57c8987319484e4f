"""API keys: a file with one a line, read again when it changes.

Only hashes are kept, and all of them are compared each time: how long that takes tells nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from holdfast.errors import HoldfastError, InputError

# Seconds between looks at the file.
_LOOK = 1.0
_SHORTEST = 8
_LARGEST = 1 << 20


class Keys:
    """The keys in a file.

    Args:
        path: The file: one key a line; empty lines and those that begin with `#` count for nothing.
        on_change: Told that it was read again, or why it could not be.

    Raises:
        InputError: It cannot be read, others may read it, or it holds no key or what is none.
    """

    def __init__(self, path: Path, on_change: Callable[[str], None]) -> None:
        self._path = path
        self._on_change = on_change
        self._looked = time.monotonic()
        self._seen = _stamp(path)
        self._digests = _read(path)

    def know(self, key: bytes) -> bool:
        """Whether `key` is one of them."""
        if time.monotonic() - self._looked > _LOOK:
            self._look()
        digest = hashlib.sha256(key).digest()
        # A sum, since all are compared.
        return sum(hmac.compare_digest(digest, known) for known in self._digests) > 0

    def reread(self) -> None:
        """Read the file again; where that fails, the keys that were known stay."""
        self._seen = _stamp(self._path)
        try:
            self._digests = _read(self._path)
        except HoldfastError as error:
            self._on_change(f"the API keys stay as they were: {error.message}")
        else:
            self._on_change(f"{len(self._digests)} API keys read from {self._path}")

    def _look(self) -> None:
        self._looked = time.monotonic()
        if _stamp(self._path) != self._seen:
            self.reread()


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path) -> list[bytes]:
    try:
        # Opened once: what is looked at is what is read.
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & stat.S_IRWXO or mode & stat.S_IWGRP:
                raise InputError(
                    f"{path} can be read or written by others (mode {mode:04o})",
                    hint=f"chmod 600 {path}; of a mounted Kubernetes secret, defaultMode: 0400",
                )
            text = file.read(_LARGEST + 1)
    except OSError as error:
        raise InputError(f"the API keys in {path} cannot be read: {error.strerror}") from error
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith(b"#")]
    if len(text) > _LARGEST or not keys or not all(map(_is_key, keys)):
        raise InputError(
            f"{path} is no file of API keys",
            hint=f"one key a line, at least {_SHORTEST} visible ASCII characters each: "
            "openssl rand -hex 32",
        )
    return [hashlib.sha256(key).digest() for key in keys]


def _is_key(line: bytes) -> bool:
    return len(line) >= _SHORTEST and all(0x21 <= byte <= 0x7E for byte in line)  # noqa: PLR2004
