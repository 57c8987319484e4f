"""How bad an advisory says that something is: a word, and a number from 0 to 10.

The number is that of its CVSS vector; the word is the database's, else the one that CVSS 3.1 and
4.0 have for the number ("Qualitative Severity Rating Scale").
"""

from __future__ import annotations

from collections.abc import Iterable

from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError

from holdfast.audit.advisory import Advisory

UNKNOWN = "unknown"
# The worst last.
RATINGS = (UNKNOWN, "none", "low", "medium", "high", "critical")
_ABOVE = (("critical", 9.0), ("high", 7.0), ("medium", 4.0), ("low", 0.1), ("none", 0.0))
_WORDS = {"moderate": "medium", "important": "high"}
_READERS = {"CVSS_V2": CVSS2, "CVSS_V3": CVSS3, "CVSS_V4": CVSS4}


def rating_of(advisories: Iterable[Advisory]) -> tuple[str, float | None]:
    """The worst word and the highest number of several; ("unknown", None) where none has any."""
    advisories = list(advisories)
    numbers = [number for one in advisories if (number := _number(one)) is not None]
    words = [word for one in advisories if (word := _word(one)) in RATINGS]
    number = max(numbers, default=None)
    if not words and number is not None:
        words = [next(word for word, least in _ABOVE if number >= least)]
    return max(words, key=RATINGS.index, default=UNKNOWN), number


def _word(advisory: Advisory) -> str:
    return _WORDS.get(advisory.rating, advisory.rating)


def _number(advisory: Advisory) -> float | None:
    """Of its vectors the newest kind counts; one that cannot be read says nothing."""
    for kind, vector in sorted(advisory.vectors, reverse=True):
        if kind in _READERS:
            try:
                return float(_READERS[kind](vector).base_score)
            except CVSSError:
                continue
    return None
