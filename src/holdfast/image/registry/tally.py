"""How much was sent or has come: counted by many threads, said now and then."""

from __future__ import annotations

import time
from threading import Lock

from holdfast.image.oci.blobs import OnBytes
from holdfast.progress import Progress
from holdfast.units import size

_SECONDS = 0.2


class Tally:
    """Bytes, said as they grow: `pulling registry.example/python:3.12: 31 MB`.

    Args:
        on_progress: Who hears it.
        what: What is done to what.
        expected: How many bytes it will be; 0 where nobody knows.
    """

    def __init__(self, on_progress: Progress, what: str, expected: int = 0) -> None:
        self._on_progress = on_progress
        self._what = what
        self._of = f" of {size(expected)}" if expected else ""
        self._bytes = 0
        self._said = 0.0
        self._lock = Lock()
        on_progress(what)

    def add(self, count: int) -> None:
        """So many more; less, where something must be done again."""
        with self._lock:
            self._bytes += count
            now = time.monotonic()
            if now - self._said < _SECONDS:
                return
            self._said = now
            words = f"{self._what}: {size(self._bytes)}{self._of}"
        self._on_progress(words)


class Part:
    """What is counted of one thing, so that it can be counted again from the beginning."""

    def __init__(self, on_bytes: OnBytes) -> None:
        self._on_bytes = on_bytes
        self._bytes = 0

    def add(self, count: int) -> None:
        """So many more."""
        self._bytes += count
        self._on_bytes(count)

    def back(self) -> None:
        """None of it counts."""
        self._on_bytes(-self._bytes)
        self._bytes = 0
