"""Settings: `HOLDFAST_*`, then `[tool.holdfast]`, then the default."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.errors import InputError
from holdfast.seal.grade import Grade, read_grade

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}
_VENDOR = ("git", "url")
# Tables of [tool.holdfast] that are no seal's: who reads them says what is wrong with them.
_OTHERS = ("audit",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a project wants of its seals.

    Attributes:
        off: Seal nothing.
        extras: Optional dependencies of the project that a model needs.
        groups: Dependency groups that a model needs.
        exclude: Packages to leave out, with whatever only they need.
        vendor: Kinds of dependencies whose wheels go along with the model: "git", "url".
        slim_include: Packages that a slim environment of the model has in any case.
        require_grade: A lower grade is an error.
        golden_rows: At most so many rows of the input example are predicted.
        golden_bytes: An input or answer larger than this is not kept.
        golden_seconds: The two predictions at log time may take so long together.
    """

    off: bool = False
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    vendor: tuple[str, ...] = ()
    slim_include: tuple[str, ...] = ()
    require_grade: Grade = Grade.INFERRED
    golden_rows: int = 100
    golden_bytes: int = 4 << 20
    golden_seconds: int = 60


def readable_settings(*pyprojects: Mapping[str, Any]) -> tuple[Settings, tuple[str, ...]]:
    """What can be read of the settings of a project, and what is wrong with the rest.

    Args:
        pyprojects: What its `pyproject.toml` says; before it, what its workspace's says.

    A required grade that cannot be read stands for the best one: whoever asks wants no less.
    """
    table: dict[str, Any] = {}
    problems: list[str] = []
    for pyproject in pyprojects:
        found = pyproject.get("tool", {}).get("holdfast", {})
        if isinstance(found, Mapping):
            table |= found
        else:
            problems.append(f"[tool.holdfast] is {found!r}; expected a table")
    known = {*Settings.__dataclass_fields__, *_OTHERS}
    problems += [_unknown(key) for key in table if _field(key) not in known]
    values: dict[str, Any] = {}
    for name, field in Settings.__dataclass_fields__.items():
        where, value = _given(name, table)
        if value is None:
            continue
        try:
            read = _read_as(field.default, value, where)
            if name == "vendor":
                _check_vendor(read, where)
            values[name] = read
        except InputError as error:
            problems.append(error.message)
            if name == "require_grade":
                values[name] = Grade.LOCKED
    return Settings(**values), tuple(problems)


def _given(name: str, table: Mapping[str, Any]) -> tuple[str, Any]:
    variable = f"HOLDFAST_{name.upper()}"
    if variable in os.environ:
        return variable, os.environ[variable]
    key = name.replace("_", "-")
    return f"[tool.holdfast] {key}", table.get(key)


def _read_as(default: Any, value: Any, where: str) -> Any:
    if isinstance(default, bool):
        return _read_bool(value, where)
    if isinstance(default, Grade):
        return read_grade(str(value), where)
    if isinstance(default, int):
        return _read_int(value, where)
    return _read_names(value, where)


def _read_bool(value: Any, where: str) -> bool:
    word = str(value).lower()
    if word not in _TRUE | _FALSE:
        raise InputError(f"{where} is {value!r}; expected true or false")
    return word in _TRUE


def _read_int(value: Any, where: str) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if number < 0 or isinstance(value, bool):
        raise InputError(f"{where} is {value!r}; expected a whole number")
    return number


def _read_names(value: Any, where: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(filter(None, (name.strip() for name in value.split(","))))
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise InputError(f"{where} is {value!r}; expected a list of names")


def _check_vendor(kinds: tuple[str, ...], where: str) -> None:
    odd = [kind for kind in kinds if kind not in _VENDOR]
    if odd:
        raise InputError(f"{where} has {', '.join(map(repr, odd))}; expected {', '.join(_VENDOR)}")


def _field(key: str) -> str:
    return key.replace("-", "_") if "_" not in key else ""


def _unknown(key: str) -> str:
    known = [name.replace("_", "-") for name in Settings.__dataclass_fields__]
    close = difflib.get_close_matches(key.replace("_", "-"), known, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return f"[tool.holdfast] has no key {key!r}{meant}"
