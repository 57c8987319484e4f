"""The grammar of markers (PEP 508), read into a tree.

Pure. `packaging.markers` reads the same grammar but keeps its tree private, and another version of
it may shape that tree otherwise; Holdfast runs beside whatever version the model's environment has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn, TypeAlias

from holdfast.errors import LockError

_TOKEN = re.compile(
    r"\s*(?:(?P<bracket>[()])|(?P<string>'[^']*'|\"[^\"]*\")"
    r"|(?P<operator>===|==|~=|!=|<=|>=|<|>|not\s+in\b|in\b)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_.]*)|(?P<end>$))"
)
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_VARIABLES = frozenset(
    (
        "python_version",
        "python_full_version",
        "os_name",
        "sys_platform",
        "platform_release",
        "platform_system",
        "platform_version",
        "platform_machine",
        "platform_python_implementation",
        "implementation_name",
        "implementation_version",
        "extra",
    )
)
# From before PEP 508: setuptools wrote them, packaging still reads them.
_OLD_NAMES = {
    "os.name": "os_name",
    "sys.platform": "sys_platform",
    "platform.version": "platform_version",
    "platform.machine": "platform_machine",
    "platform.python_implementation": "platform_python_implementation",
    "python_implementation": "platform_python_implementation",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """`variable operator value`; mirrored, `value in variable`, which cannot be turned."""

    variable: str
    operator: str
    value: str
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Joined:
    """Parts joined by "and" or by "or"."""

    operator: str
    parts: tuple[Expression, ...]


# A string of types: `|` between classes that name one another is for Python 3.10 too late to see.
Expression: TypeAlias = "Comparison | Joined"

_Token = tuple[str, str]


@lru_cache(maxsize=8192)
def parse(marker: str) -> Expression:
    """The tree of `marker`.

    Raises:
        LockError: It is not a marker.
    """
    tokens = _tokens(marker)
    tree = _joined(tokens, marker, "or")
    if tokens[-1][0] != "end":
        _refuse(marker, tokens[-1][1])
    return tree


def _tokens(marker: str) -> list[_Token]:
    """The marker's tokens, last first: a stack to take them from."""
    tokens: list[_Token] = []
    at = 0
    while not tokens or tokens[-1][0] != "end":
        match = _TOKEN.match(marker, at)
        if match is None:
            _refuse(marker, marker[at:])
        kind = match.lastgroup or "end"
        tokens.append((kind, " ".join(match[kind].split()) if kind == "operator" else match[kind]))
        at = match.end()
    return tokens[::-1]


def _joined(tokens: list[_Token], marker: str, operator: str) -> Expression:
    parts = [_part(tokens, marker, operator)]
    while tokens[-1] == ("word", operator):
        tokens.pop()
        parts.append(_part(tokens, marker, operator))
    return parts[0] if len(parts) == 1 else Joined(operator, tuple(parts))


def _part(tokens: list[_Token], marker: str, operator: str) -> Expression:
    if operator == "or":
        return _joined(tokens, marker, "and")
    if tokens[-1] == ("bracket", "("):
        tokens.pop()
        inner = _joined(tokens, marker, "or")
        _take(tokens, marker, ("bracket", ")"))
        return inner
    return _comparison(tokens, marker)


def _comparison(tokens: list[_Token], marker: str) -> Comparison:
    sides = [tokens.pop()]
    operator = _take(tokens, marker, ("operator",)) if tokens else _refuse(marker, "")
    sides.append(tokens.pop())
    mirrored = sides[0][0] == "string"
    (kind, variable), (value_kind, value) = sides[::-1] if mirrored else sides
    variable = _OLD_NAMES.get(variable, variable)
    if kind != "word" or value_kind != "string" or variable not in _VARIABLES:
        _refuse(marker, variable or value)
    if mirrored and operator in ("in", "not in"):
        return Comparison(variable, operator, value[1:-1], mirrored=True)
    if mirrored:
        operator = _MIRRORED.get(operator, operator)
    return Comparison(variable, operator, value[1:-1])


def _take(tokens: list[_Token], marker: str, expected: tuple[str, ...]) -> str:
    if tokens[-1][: len(expected)] != expected:
        _refuse(marker, tokens[-1][1])
    return tokens.pop()[1]


def _refuse(marker: str, found: str) -> NoReturn:
    raise LockError(f"expected an environment marker, found {found or 'its end'!r} in {marker!r}")
