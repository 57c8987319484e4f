"""A share: which of many requests a canary answers."""

from __future__ import annotations

_PERCENT = 100
# Shares are exact to a hundredth of a percent.
_WHOLE = 100 * _PERCENT


class Share:
    """A part of all requests, by weight: exact, and spread as evenly as it can be.

    Of the first n requests it takes n * weight / 100, rounded down.

    Args:
        weight: Percent, 0 to 100.
    """

    __slots__ = ("_due", "_points")

    def __init__(self, weight: float) -> None:
        self._due = 0
        self.weight = weight

    @property
    def weight(self) -> float:
        """Percent."""
        return self._points / _PERCENT

    @weight.setter
    def weight(self, percent: float) -> None:
        if not 0 <= percent <= _PERCENT:
            raise ValueError(f"a weight is a percentage from 0 to 100, not {percent}")
        self._points = round(percent * _PERCENT)

    def takes(self) -> bool:
        """Whether the next request is one of the share's."""
        self._due += self._points
        if self._due < _WHOLE:
            return False
        self._due -= _WHOLE
        return True
