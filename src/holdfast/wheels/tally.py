"""How far the downloads are: counted by many threads, said by one."""

from __future__ import annotations

import time
from threading import Event, Lock

from holdfast.units import size


class Tally:
    """Bytes that came, of how many, and for how many wheels."""

    def __init__(self, wheels: int) -> None:
        """Begin to count; `wheels` is how many are wanted."""
        self._wheels = wheels
        self._done = 0
        self._bytes = 0
        self._expected: dict[str, int] = {}
        self._began = time.monotonic()
        self._counting = Lock()
        self._stop = Event()

    @property
    def stopped(self) -> bool:
        """Whether to let go."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Let all downloads go."""
        self._stop.set()

    def expect(self, name: str, length: int) -> None:
        """A file of `length` bytes is coming; 0 where nobody says."""
        with self._counting:
            self._expected[name] = length

    def add(self, count: int) -> None:
        """Bytes came."""
        with self._counting:
            self._bytes += count

    def finish(self) -> None:
        """A wheel is there."""
        with self._counting:
            self._done += 1

    def __str__(self) -> str:
        """As a line of progress."""
        with self._counting:
            seconds = max(time.monotonic() - self._began, 0.001)
            rate = size(self._bytes / seconds)
            return (
                f"fetching wheels: {self._done} of {self._wheels}, {size(self._bytes)} of "
                f"{size(max(sum(self._expected.values()), self._bytes))}, {rate}/s"
            )
