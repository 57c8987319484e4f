"""Reading TOML tables whose shape is not yet known: every refusal says where it stands.

Pure. The paths in messages are the lockfile's own: `package[3].wheels[0].hash`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn, TypeVar

from holdfast.errors import LockError

T = TypeVar("T")

_KINDS: dict[type, str] = {
    str: "a string",
    bool: "a boolean",  # before int, which it is in Python
    int: "an integer",
    list: "an array",
    Mapping: "a table",
}


def refuse(problem: str, where: str) -> NoReturn:
    """Raise the LockError for `problem`, found at the path `where`."""
    raise LockError(
        f"{problem} in '{where}'",
        hint="write the lockfile anew with `uv lock`; never edit it by hand",
    )


def path(where: str, key: str) -> str:
    """The path of `key` in the table at `where`; the document's own path is empty."""
    return f"{where}.{key}" if where else key


def optional(table: Mapping[str, Any], key: str, kind: type[T], where: str) -> T | None:
    """The value of `key`, or None where there is none.

    Raises:
        LockError: It is not of `kind`.
    """
    value = table.get(key)
    if value is None or type(value) is kind or (kind is not int and isinstance(value, kind)):
        return value
    return _unlike(value, kind, path(where, key))


def required(table: Mapping[str, Any], key: str, kind: type[T], where: str) -> T:
    """The value of `key`.

    Raises:
        LockError: There is none, or it is not of `kind`.
    """
    value = optional(table, key, kind, where)
    if value is None:
        refuse("missing required value", path(where, key))
    return value


def tables(
    table: Mapping[str, Any], key: str, where: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The tables in the array `key`, each with its path; none where there is no such key."""
    return tables_in(optional(table, key, list, where) or (), path(where, key))


def tables_in(items: Iterable[Any], where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The tables in the array at `where`, each with its path."""
    for place, item in enumerate(items):
        at = f"{where}[{place}]"
        yield at, item if isinstance(item, dict) else _unlike(item, Mapping, at)


def arrays(table: Mapping[str, Any], key: str, where: str) -> Iterator[tuple[str, list[Any]]]:
    """The arrays in the array `key`, each with its path; none where there is no such key."""
    for place, item in enumerate(optional(table, key, list, where) or ()):
        at = f"{path(where, key)}[{place}]"
        yield at, item if isinstance(item, list) else _unlike(item, list, at)


def strings(table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """The strings in the array `key`; none where there is no such key."""
    values = optional(table, key, list, where) or ()
    for place, item in enumerate(values):
        if not isinstance(item, str):
            _unlike(item, str, f"{path(where, key)}[{place}]")
    return tuple(values)


def subtable(table: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    """The table `key`; an empty one where there is none."""
    return optional(table, key, dict, where) or {}


def _unlike(value: object, kind: type, where: str) -> NoReturn:
    name = next((text for known, text in _KINDS.items() if isinstance(value, known)), None)
    found = name or type(value).__name__
    expected = _KINDS.get(Mapping if kind is dict else kind, kind.__name__)
    refuse(f"expected {expected}, found {found}", where)
