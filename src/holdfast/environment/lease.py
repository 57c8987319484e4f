"""Locks between processes: who builds, who uses, who may remove.

On flock(2) alone: the kernel lets go of a lock when its holder dies, however it dies, so no lock
here is ever stale and none needs a timeout. Locks sit on files of their own, never on folders,
since NFS cannot lock a folder.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Waiting = Callable[[], None]
_NOT_TO_WRITE = (errno.EACCES, errno.EPERM, errno.EROFS)


def acquire(path: Path, *, shared: bool = False, wait: bool = True) -> int | None:
    """Take the lock at `path`.

    Args:
        path: The lock's file, made if it is not there.
        shared: Along with others who share it, rather than alone.
        wait: Until it can be had.

    Returns:
        A file descriptor that holds the lock until it is closed, or None where it cannot be had
        without waiting.
    """
    mode = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    while True:
        descriptor = _opened(path, shared=shared)
        try:
            fcntl.flock(descriptor, mode)
            if _still_at(path, descriptor):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _opened(path: Path, *, shared: bool) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        # In an image nobody may write, and the lock's file is there; to share it is to read it.
        if not shared or error.errno not in _NOT_TO_WRITE:
            raise
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def note_use(descriptor: int) -> None:
    """Note on a lock's file that what it stands for is used now; not where nobody may write."""
    try:
        os.utime(descriptor)
    except OSError as error:
        if error.errno not in _NOT_TO_WRITE:
            raise


def _still_at(path: Path, descriptor: int) -> bool:
    """Whether nobody removed the lock's file before we had the lock: then it guards nothing."""
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    held = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)


@contextmanager
def alone(path: Path, on_wait: Waiting | None = None) -> Iterator[int]:
    """Hold the lock at `path` alone; `on_wait` is called once if somebody else has it."""
    descriptor = acquire(path, wait=False)
    if descriptor is None:
        if on_wait is not None:
            on_wait()
        descriptor = acquire(path)
    assert descriptor is not None  # noqa: S101  # acquire waits until it has it
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def alone_if_free(path: Path) -> Iterator[bool]:
    """Hold the lock at `path` alone if nobody has it; yields whether it is held."""
    descriptor = acquire(path, wait=False)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def together(path: Path) -> Iterator[int]:
    """Hold the lock at `path` along with others; waits for one who has it alone."""
    descriptor = acquire(path, shared=True)
    assert descriptor is not None  # noqa: S101  # acquire waits until it has it
    try:
        yield descriptor
    finally:
        os.close(descriptor)
