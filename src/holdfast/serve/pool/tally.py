"""A tally: what one model version has done since it began to serve, counted where it happens.

Plain numbers, so that counting costs next to nothing; `metrics.py` and the page read them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field


class Histogram:
    """How often a value fell up to each bound, and their sum; the last bucket has no bound."""

    __slots__ = ("bounds", "buckets", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one."""
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many were counted."""
        return sum(self.buckets)


# Seconds; from what one row costs a small model to what a client waits for at all.
_SECONDS = (
    *(0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
_ROWS = tuple(float(1 << power) for power in range(14))


def _seconds() -> Histogram:
    return Histogram(_SECONDS)


def _rows() -> Histogram:
    return Histogram(_ROWS)


@dataclass(slots=True)
class Tally:
    """Counts of one model version.

    Attributes:
        answers: Requests by the status they were answered with.
        rows: Rows predicted.
        latency: Seconds from a request's arrival to its answer.
        predicting: Seconds of each predict call, the way to the worker included.
        batch_rows: Rows of each predict call.
        batch_requests: Requests of each predict call.
        restarts: Workers that died and were started again.
        retries: Requests that were tried again after a worker died on them.
    """

    answers: Counter[int] = field(default_factory=Counter)
    rows: int = 0
    latency: Histogram = field(default_factory=_seconds)
    predicting: Histogram = field(default_factory=_seconds)
    batch_rows: Histogram = field(default_factory=_rows)
    batch_requests: Histogram = field(default_factory=_rows)
    restarts: int = 0
    retries: int = 0
