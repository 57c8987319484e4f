"""Reading untrusted JSON into dataclasses, with the place in every complaint."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

from holdfast.errors import SealError

T = TypeVar("T")

# The only types a record's field may have; anything else is a mistake in this program.
_CHECKS: dict[Any, Callable[[Any], bool]] = {
    str: lambda value: isinstance(value, str),
    int: lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
    bool: lambda value: isinstance(value, bool),
    str | None: lambda value: value is None or isinstance(value, str),
    tuple[str, ...]: lambda value: (
        isinstance(value, list) and all(isinstance(item, str) for item in value)
    ),
}
_NAMES = {str: "text", int: "a whole number", bool: "true or false", str | None: "text or null"}


class Reader:
    """One JSON object, and where in its file it stands."""

    def __init__(self, data: object, place: str) -> None:
        if not isinstance(data, Mapping):
            raise SealError(f"expected an object{_at(place)}, found {_kind(data)}")
        self._data = data
        self._place = place

    def text(self, key: str) -> str:
        """The text at `key`."""
        return str(self._typed(key, str))

    def integer(self, key: str) -> int:
        """The whole number, not negative, at `key`."""
        return int(self._typed(key, int))

    def texts(self, key: str) -> tuple[str, ...]:
        """The list of texts at `key`."""
        return tuple(self._typed(key, tuple[str, ...]))

    def value(self, key: str, make: Callable[[str], T]) -> T:
        """The text at `key`, given to `make`, which raises ValueError where it means nothing."""
        word = self.text(key)
        try:
            return make(word)
        except ValueError:
            raise SealError(f"{word!r} means nothing{_at(self._path(key))}") from None

    def texts_by_name(self, key: str) -> dict[str, str]:
        """The object of texts at `key`."""
        inner = Reader(self._got(key), self._path(key))
        return {name: inner.text(name) for name in inner._data}

    def record(self, key: str, kind: type[T]) -> T:
        """The object at `key` as the dataclass `kind`."""
        return Reader(self._got(key), self._path(key)).as_record(kind)

    def records(self, key: str, kind: type[T]) -> tuple[T, ...]:
        """The list of objects at `key`, each as the dataclass `kind`."""
        items = self._got(key)
        if not isinstance(items, list):
            raise SealError(f"expected a list{_at(self._path(key))}, found {_kind(items)}")
        return tuple(
            Reader(item, f"{self._path(key)}[{number}]").as_record(kind)
            for number, item in enumerate(items)
        )

    def records_by_name(self, key: str, kind: type[T]) -> dict[str, T]:
        """The object at `key`, each of its values as the dataclass `kind`."""
        inner = Reader(self._got(key), self._path(key))
        return {
            name: Reader(item, f"{self._path(key)}[{name!r}]").as_record(kind)
            for name, item in inner._data.items()
        }

    def as_record(self, kind: type[T]) -> T:
        """This object as the dataclass `kind`; keys it does not have are of a later version.

        A key that is missing is of an older one, where the dataclass has a default for it.
        """
        hints = get_type_hints(kind)
        values = {
            field.name: self._typed(field.name, hints[field.name])
            for field in dataclasses.fields(kind)  # type: ignore[arg-type]
            if field.name in self._data or field.default is dataclasses.MISSING
        }
        return kind(
            **{
                name: tuple(value) if isinstance(value, list) else value
                for name, value in values.items()
            }
        )

    def _typed(self, key: str, kind: Any) -> Any:
        value = self._got(key)
        if not _CHECKS[kind](value):
            expected = _NAMES.get(kind, "a list of texts")
            raise SealError(f"expected {expected}{_at(self._path(key))}, found {_kind(value)}")
        return value

    def _got(self, key: str) -> Any:
        if key not in self._data:
            raise SealError(f"{key!r} is missing{_at(self._place)}")
        return self._data[key]

    def _path(self, key: str) -> str:
        return f"{self._place}.{key}" if self._place else key


def _at(place: str) -> str:
    return f" in '{place}'" if place else ""


def _kind(value: object) -> str:
    return {dict: "an object", list: "a list", str: "text", type(None): "null"}.get(
        type(value), repr(value)[:40]
    )
