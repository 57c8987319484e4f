"""What is known and lived with: advisories that do not count, up to a day.

One that is past its day counts again, and says so: nobody has to remember.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from holdfast.errors import InputError

_WORD = re.compile(
    r"(?P<id>[A-Za-z0-9][A-Za-z0-9._-]*)(:(until[ =])?(?P<until>\d{4}-\d{2}-\d{2}))?"
)
_KEYS = {"id", "until", "reason"}
EXPECTED = "expected an advisory's name, or NAME:YYYY-MM-DD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """One of them.

    Attributes:
        id: The advisory's name, or any of its aliases.
        until: The last day that it is ignored; None for ever.
        reason: Why, in its writer's words.
    """

    id: str
    until: date | None = None
    reason: str = ""

    def means(self, names: Iterable[str]) -> bool:
        """Whether it is about what has those names."""
        return self.id.lower() in {name.lower() for name in names}

    def is_past(self, today: date) -> bool:
        """Whether it no longer holds."""
        return self.until is not None and today > self.until

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        until = self.until.isoformat() if self.until else None
        return {"id": self.id, "until": until, "reason": self.reason}


def read_ignore(value: object, where: str) -> Ignore:
    """The ignore in `value`: "ID", "ID:until 2027-01-31", or a table of id, until and reason.

    Raises:
        InputError: It is neither; the message begins with `where`.
    """
    if isinstance(value, Mapping):
        return _from_table(value, where)
    found = _WORD.fullmatch(str(value)) if isinstance(value, str) else None
    if found is None:
        raise InputError(f"{where}: {value!r}; {EXPECTED}")
    return Ignore(id=found["id"], until=_day(found["until"], where))


def _from_table(table: Mapping[str, Any], where: str) -> Ignore:
    if odd := sorted(set(table) - _KEYS):
        raise InputError(f"{where} has {', '.join(odd)}; expected {', '.join(sorted(_KEYS))}")
    name, reason = table.get("id"), table.get("reason", "")
    if not isinstance(name, str) or not isinstance(reason, str):
        raise InputError(f"{where} is {dict(table)!r}; expected an id, and a reason as text")
    return Ignore(id=name, until=_day(table.get("until"), where), reason=reason)


def _day(value: object, where: str) -> date | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise InputError(f"{where}: until {value!r}; expected a day, as 2027-01-31") from None
