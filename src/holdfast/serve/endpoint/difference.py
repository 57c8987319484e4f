"""How two answers differ: by how much in their numbers, and in how much else. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Difference:
    """What differs between two JSON values.

    Attributes:
        numbers: How many numbers stand against another number.
        total: By how much they differ together.
        largest: By how much at most.
        others: How much else differs: texts, truth values, nulls, lengths, keys.
    """

    numbers: int = 0
    total: float = 0.0
    largest: float = 0.0
    others: int = 0

    def __bool__(self) -> bool:
        return bool(self.numbers or self.others)

    def _of_numbers(self, one: float, other: float) -> None:
        if one == other:
            return
        try:
            distance = abs(float(one) - float(other))
        except OverflowError:
            distance = math.inf
        if distance == math.inf:
            self.others += 1
            return
        self.numbers += 1
        self.total += distance
        self.largest = max(self.largest, distance)


def differ(one: Any, other: Any) -> Difference:
    """How `one` and `other`, as JSON was read, differ; false where they do not."""
    found = Difference()
    left = [(one, other)]
    while left:
        mine, yours = left.pop()
        if _is_number(mine) and _is_number(yours):
            found._of_numbers(mine, yours)  # noqa: SLF001 - this module's own
        elif isinstance(mine, list) and isinstance(yours, list) and len(mine) == len(yours):
            left += zip(mine, yours, strict=True)
        elif isinstance(mine, dict) and isinstance(yours, dict) and mine.keys() == yours.keys():
            left += [(mine[key], yours[key]) for key in mine]
        elif type(mine) is not type(yours) or mine != yours:
            found.others += 1
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
