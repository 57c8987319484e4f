"""Files that a command reads and writes for its user: whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.cli.render import print_bytes
from holdfast.errors import InputError, StoreError

Write = Callable[[bytes], None]
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def read_input(source: str) -> bytes:
    """The bytes of the file `source`; of standard input for "-".

    Raises:
        InputError: It cannot be read, or there is nothing in it.
    """
    name = "standard input" if source == "-" else source
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise InputError(
            f"{name} cannot be read: {error.strerror}", hint="name a file of rows with -i"
        ) from error
    if not data.strip():
        raise InputError(f"{name} is empty", hint="a CSV begins with a line of column names")
    return data


@contextmanager
def open_output(target: str) -> Iterator[Write]:
    """Yield what writes, once, the whole of the file `target`; standard output for "-".

    That it can be written is found out here, before there is something to write. A link is
    followed, a device or pipe is written to, and a file that is there keeps its mode.

    Raises:
        InputError: It cannot be written.
        StoreError: The disk is full.
    """
    if target == "-":
        yield print_bytes
        return
    path = Path(os.path.realpath(target))
    with _explained(target):
        mode = path.stat().st_mode if path.exists() else None
        if mode is not None and stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        special = mode is not None and not stat.S_ISREG(mode)
        handle, name = (
            (-1, "") if special else tempfile.mkstemp(dir=path.parent, prefix=".holdfast-")
        )
    if special:
        yield lambda data: _write_to(path, data, target)
        return
    try:
        with os.fdopen(handle, "wb") as file:

            def write(data: bytes) -> None:
                with _explained(target):
                    file.write(data)
                    file.flush()
                    os.fchmod(file.fileno(), _permissions(mode))
                    Path(name).replace(path)

            yield write
    finally:
        Path(name).unlink(missing_ok=True)


def _write_to(path: Path, data: bytes, target: str) -> None:
    with _explained(target), path.open("wb", buffering=0) as file:
        file.write(data)


def _permissions(mode: int | None) -> int:
    if mode is not None:
        return stat.S_IMODE(mode)
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


@contextmanager
def _explained(target: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{target} cannot be written: {error.strerror}"
        if error.errno in _NO_ROOM:
            raise StoreError(
                message, hint="free some disk, or name another file with -o"
            ) from error
        hint = "name a file in a folder that is there and that you may write to"
        raise InputError(message, hint=hint) from error
