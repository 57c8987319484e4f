"""Grades: how much a seal vouches for. Pure."""

from __future__ import annotations

from enum import Enum

from holdfast.errors import InputError


class Grade(str, Enum):
    """What a seal vouches for, the most first.

    LOCKED: the lock was fresh, the installed environment equals it, first-party code is there as
    wheels, everything has a hash. FROZEN: sealed from what was really installed, exact versions
    with hashes, the differences listed. PINNED: exact versions, hashes could not be had. INFERRED:
    MLflow's own inference; Holdfast vouches for nothing.
    """

    LOCKED = "locked"
    FROZEN = "frozen"
    PINNED = "pinned"
    INFERRED = "inferred"

    def reaches(self, required: Grade) -> bool:
        """Whether this grade is `required` or a better one."""
        order = list(Grade)
        return order.index(self) <= order.index(required)


def read_grade(word: str, where: str) -> Grade:
    """The grade named `word`.

    Raises:
        InputError: There is no such grade; `where` says who named it.
    """
    try:
        return Grade(word)
    except ValueError:
        names = ", ".join(grade.value for grade in Grade)
        raise InputError(f"{where} is {word!r}; a grade is one of {names}") from None


def worst(*grades: Grade) -> Grade:
    """The least of `grades`."""
    return max(grades, key=list(Grade).index)
