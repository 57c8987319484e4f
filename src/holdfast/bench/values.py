"""What is measured: values, and nothing that runs a program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

KINDS = ("resolve", "install", "save", "image")
"""What can be measured."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do something.

    Attributes:
        tool: "pip".
        run: Do it once; what has to be made ready for that is not timed.
        prepare: Make it ready, before each time.
    """

    tool: str
    run: Callable[[], None]
    prepare: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that several tools can do.

    Attributes:
        name: "install, cold cache".
        ways: The first is what the others are compared with.
        absent: Tools that cannot do it here, and why.
    """

    name: str
    ways: tuple[Way, ...]
    absent: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """What one way took.

    Attributes:
        seconds: Of each run, in their order.
        why_not: Why there are none, or fewer than were asked for.
    """

    operation: str
    tool: str
    seconds: tuple[float, ...]
    why_not: str = ""

    @property
    def median(self) -> float | None:
        """Seconds; None where nothing ran."""
        return median(self.seconds) if self.seconds else None

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "operation": self.operation,
            "tool": self.tool,
            "seconds": [round(one, 4) for one in self.seconds],
            "median": None if self.median is None else round(self.median, 4),
            "why_not": self.why_not,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """All that was measured.

    Attributes:
        project: Its name.
        packages: How many are installed.
        machine: Processors, system and load, in a line.
        versions: Of the tools.
    """

    project: str
    packages: int
    machine: str
    versions: tuple[str, ...]
    timed: tuple[Timed, ...]

    def times(self, one: Timed) -> float | None:
        """How many times as fast as the first way of the same operation."""
        first = next(each for each in self.timed if each.operation == one.operation)
        if first is one or not first.median or not one.median:
            return None
        return first.median / one.median

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "project": self.project,
            "packages": self.packages,
            "machine": self.machine,
            "versions": list(self.versions),
            "timed": [
                {**one.to_dict(), "times": None if (t := self.times(one)) is None else round(t, 2)}
                for one in self.timed
            ],
        }
