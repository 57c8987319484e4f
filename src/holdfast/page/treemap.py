"""A treemap: rectangles with areas as the numbers they stand for, as near to squares as can be.

Pure. The algorithm is the one of Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000): fill
the shorter side with a row for as long as that makes its worst rectangle better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle, in the units of the whole's width and height."""

    left: float
    top: float
    width: float
    height: float


def squarify(values: Sequence[float], width: float, height: float) -> list[Box]:
    """A rectangle for each of `values`, which are positive and come largest first."""
    total = sum(values)
    if not total:
        return []
    areas = [value * width * height / total for value in values]
    boxes: list[Box] = []
    free = Box(left=0, top=0, width=width, height=height)
    start, left = 0, sum(values)
    while start < len(areas):
        end = _row_end(areas, start, min(free.width, free.height))
        # Shares of what is left, not areas: what is rounded then never leaves the frame.
        taken = sum(values[start:end])
        row, free = _placed(values[start:end], free, taken / left)
        boxes += row
        start, left = end, left - taken
    return boxes


def _row_end(areas: Sequence[float], start: int, side: float) -> int:
    """How far a row along `side` goes."""
    end, total = start + 1, areas[start]
    worst = _worst(areas[start], areas[start], total, side)
    while end < len(areas):
        next_worst = _worst(areas[start], areas[end], total + areas[end], side)
        if next_worst > worst:
            break
        worst, total, end = next_worst, total + areas[end], end + 1
    return end


def _worst(largest: float, smallest: float, total: float, side: float) -> float:
    """The worst ratio of sides in a row that is `total` large."""
    square, long = total * total, side * side
    if not square or not smallest or not long:
        return 0.0
    return max(long * largest / square, square / (long * smallest))


def _placed(row: Sequence[float], free: Box, share: float) -> tuple[list[Box], Box]:
    """The boxes of a row along the shorter side of `free`, of which it takes this share."""
    if free.width < free.height:
        turned, rest = _placed(row, _turned(free), share)
        return [_turned(box) for box in turned], _turned(rest)
    depth, total = free.width * share, sum(row)
    boxes, top = [], free.top
    for value in row:
        length = free.height * value / total
        boxes.append(Box(left=free.left, top=top, width=depth, height=length))
        top += length
    rest = Box(
        left=free.left + depth,
        top=free.top,
        width=max(free.width - depth, 0.0),
        height=free.height,
    )
    return boxes, rest


def _turned(box: Box) -> Box:
    return Box(left=box.top, top=box.left, width=box.height, height=box.width)
