"""How restores went: found, shared, or built. A file each, and a byte in it for each time.

Appending a byte needs no lock, loses nothing to another process, and costs microseconds: the way to
an environment that is here already stays as short as it was.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

from holdfast.environment.layout import Layout


class Outcome(str, Enum):
    """How a restore came to its environment."""

    FOUND = "found"
    """It had been asked for before, and was here."""
    SHARED = "shared"
    """It was asked for the first time, and another lock had made the same one."""
    BUILT = "built"
    """It was built."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How often each happened."""

    found: int
    shared: int
    built: int

    @property
    def rate(self) -> float | None:
        """The part that was not built, from 0 to 1; None where nobody has restored anything."""
        total = self.found + self.shared + self.built
        return (self.found + self.shared) / total if total else None

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "found": self.found,
            "shared": self.shared,
            "built": self.built,
            "hit_rate": None if self.rate is None else round(self.rate, 4),
        }


def count(layout: Layout, outcome: Outcome) -> None:
    """Note how a restore went; where nobody can write, as in an image, nothing is noted."""
    with suppress(OSError):
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(layout.count(outcome.value), flags, 0o600)
        try:
            os.write(descriptor, b".")
        finally:
            os.close(descriptor)


def read_counts(layout: Layout) -> Counts:
    """How restores of this store went, since it is there."""
    return Counts(**{one.value: _bytes(layout, one) for one in Outcome})


def _bytes(layout: Layout, outcome: Outcome) -> int:
    try:
        return layout.count(outcome.value).stat().st_size
    except OSError:
        return 0
