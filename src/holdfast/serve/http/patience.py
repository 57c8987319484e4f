"""Patience: how long a connection may stay in one state, whatever its client does or does not do.

Nothing on the path of a request keeps time for this: a connection is looked at now and then, and
what is still as it was has lasted since it was first seen so.
"""

from __future__ import annotations

import enum

from holdfast.serve.settings import Limits

# Bytes a second below which a body does not come, and bytes of an answer that a client must take
# in `Limits.slow` seconds.
_RATE = 1 << 16
# Seconds that a client has to read the last answer and close.
_LEAVING = 2.0


class Phase(enum.Enum):
    """What a connection is about.

    Attributes:
        IDLE: No request is here.
        ASKING: A request is here in part.
        WAITING: A request has no answer yet; the pool sees to it that it gets one in time.
        READING: The client has not taken all of an answer.
        LEAVING: The last answer is written.
    """

    IDLE = enum.auto()
    ASKING = enum.auto()
    WAITING = enum.auto()
    READING = enum.auto()
    LEAVING = enum.auto()


class Patience:
    """How long one connection has been as it is."""

    __slots__ = ("_limits", "_mark", "_progress", "_since")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._mark: tuple[Phase, int] | None = None
        self._progress = 0
        self._since = 0.0

    def lasts(self, phase: Phase, number: int, progress: int, now: float) -> bool:
        """Whether it may go on so.

        Args:
            phase: What the connection is about.
            number: Which of its requests is the last that began.
            progress: Bytes of the body that have come, or the answer's bytes still to be taken,
                below zero.
            now: In seconds.
        """
        if phase is Phase.WAITING:
            self._mark = None
            return True
        moves = phase is Phase.READING and progress - self._progress >= _RATE
        if self._mark != (phase, number) or moves:
            self._mark, self._progress, self._since = (phase, number), progress, now
        return now - self._since <= self._allowed(phase, progress)

    def _allowed(self, phase: Phase, progress: int) -> float:
        if phase is Phase.IDLE:
            return self._limits.idle
        if phase is Phase.LEAVING:
            return _LEAVING
        return self._limits.slow + (progress / _RATE if phase is Phase.ASKING else 0)
