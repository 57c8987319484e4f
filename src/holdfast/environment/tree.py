"""A folder's files: what is there, and what bytes they hold.

Reads, never writes. Written for tens of thousands of files: plain strings and `os` calls in the
loops, every file opened once, hashed in as many threads as help (hashlib lets go of the GIL).
"""

# ruff: noqa: PTH115

from __future__ import annotations

import hashlib
import os
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

# Fits a core's cache, and holds most files of a package whole.
_BUFFER_BYTES = 1 << 18
_THREADS = min(8, os.cpu_count() or 1)
_FILES_A_TASK = 64


@dataclass(frozen=True, slots=True)
class Tree:
    """What lies in a folder, by path relative to it, with "/" between the parts.

    Attributes:
        files: Regular files.
        links: Symbolic links and where they point, unresolved.
        odd: Neither file, folder nor link: sockets, devices, pipes.
    """

    files: dict[str, os.stat_result] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)


def scan(root: str) -> Tree:
    """Everything below `root`; links are listed, never followed."""
    tree = Tree()
    files = tree.files
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        with os.scandir(f"{root}/{prefix}") as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    files[prefix + entry.name] = entry.stat(follow_symlinks=False)
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{prefix}{entry.name}/")
                elif entry.is_symlink():
                    tree.links[prefix + entry.name] = os.readlink(entry.path)
                else:
                    tree.odd.append(prefix + entry.name)
    return tree


def digest_file(path: str, algorithm: str = "sha256") -> str:
    """A file's digest as a RECORD writes it: URL-safe base64, no padding.

    Raises:
        OSError: It cannot be read, or is a link.
    """
    return _digest_file(path, algorithm, bytearray(_BUFFER_BYTES))


def _digest_file(path: str, algorithm: str, buffer: bytearray) -> str:
    state = hashlib.new(algorithm, usedforsecurity=False)
    view = memoryview(buffer)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        count = len(buffer)
        # A short read of a regular file is its end, so most files cost one.
        while count == len(buffer):
            count = os.readv(descriptor, (buffer,))
            state.update(view[:count])
    finally:
        os.close(descriptor)
    return urlsafe_b64encode(state.digest()).decode().rstrip("=")


def digest_bytes(content: bytes, algorithm: str = "sha256") -> str:
    """The digest of `content` as a RECORD writes it."""
    digest = hashlib.new(algorithm, content, usedforsecurity=False).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


class Digests:
    """SHA-256 digests of many files, taken in the background from the moment this is made."""

    def __init__(self, root: str, files: Mapping[str, int]) -> None:
        """Begin.

        Args:
            root: The folder.
            files: Paths relative to it, and sizes in bytes: the big ones are begun first, so that
                no thread is left alone with one at the end.
        """
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="holdfast-digest")
        paths = iter(sorted(files, key=files.__getitem__, reverse=True))
        self._tasks: list[Future[dict[str, str]]] = [
            self._pool.submit(_digest_some, root, batch) for batch in _batches(paths, files)
        ]

    def result(self) -> dict[str, str]:
        """Path to digest, of all; waits for them.

        Raises:
            OSError: A file cannot be read.
        """
        try:
            return {path: digest for task in self._tasks for path, digest in task.result().items()}
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)


def _batches(paths: Iterator[str], files: Mapping[str, int]) -> Iterator[list[str]]:
    """Big files alone, small ones together: a task costs more than a small file."""
    for path in paths:
        if files[path] >= _BUFFER_BYTES:
            yield [path]
        else:
            yield [path, *islice(paths, _FILES_A_TASK - 1)]


def _digest_some(root: str, paths: Iterable[str]) -> dict[str, str]:
    buffer = bytearray(_BUFFER_BYTES)
    return {path: _digest_file(f"{root}/{path}", "sha256", buffer) for path in paths}
