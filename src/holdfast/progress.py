"""What is said while something takes time: a line at a time, to whoever wants to hear it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """For a caller who wants no progress."""
