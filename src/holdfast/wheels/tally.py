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
        self._got: dict[str, int] = {}
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
        """So many more bytes of a wheel are coming; 0 where nobody says."""
        with self._counting:
            self._expected[name] = self._got.setdefault(name, 0) + length

    def add(self, name: str, count: int) -> None:
        """Bytes of a wheel came."""
        with self._counting:
            self._got[name] += count

    def finish(self) -> None:
        """A wheel is there."""
        with self._counting:
            self._done += 1

    def __str__(self) -> str:
        """As a line of progress."""
        with self._counting:
            got, length = sum(self._got.values()), sum(self._expected.values())
            if len(self._expected) == self._wheels and got >= length:
                return f"checking wheels: {self._done} of {self._wheels}"
            rate = size(got / max(time.monotonic() - self._began, 0.001))
            return (
                f"fetching wheels: {self._done} of {self._wheels}, {size(got)} of "
                f"{size(max(got, length))}, {rate}/s"
            )
