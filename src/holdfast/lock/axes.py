"""The axes of a marker space: for each variable, the cells its values fall into.

Pure. Three kinds: intervals of Python versions, named values and all others, and comparisons that
are only true or false (`extra`, `in`, an order of strings), each of which is a variable of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from holdfast.errors import LockError
from holdfast.lock.expression import Comparison, Expression
from holdfast.lock.pythons import (
    FIRST,
    PYTHON,
    Cut,
    allowed_by,
    intervals_of,
    write_versions,
)

# Variables whose values are compared as text alone, so that two values are never both true.
_NAMES = frozenset(
    (
        "os_name",
        "sys_platform",
        "platform_machine",
        "platform_system",
        "platform_python_implementation",
        "implementation_name",
    )
)
_OPPOSITES = {"==": "!=", "in": "not in", "<": ">=", ">": "<="}
_POSITIVES = {no: yes for yes, no in _OPPOSITES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One variable.

    Attributes:
        key: What tells it from other axes.
        size: How many cells.
        write: The literal that says "in one of these cells"; in brackets where it holds an "or".
        extra: The x of `extra == 'x'`, else None.
        starts: Where the cells of Python versions begin.
        values: The values that have a cell of their own; all others share the last cell.
    """

    key: str
    size: int
    write: Callable[[frozenset[int]], str]
    extra: str | None = None
    starts: tuple[Cut, ...] = ()
    values: tuple[str, ...] = ()


def axes_of(expressions: Iterable[Expression], requires_python: str) -> Sequence[Axis]:
    """The axes that `expressions` speak of: extras first, then Python, then the others by name."""
    comparisons = {one for expression in expressions for one in _comparisons(expression)}
    cuts: set[Cut] = set()
    named: dict[str, set[str]] = {}
    flags: dict[str, Axis] = {}
    for one in comparisons:
        intervals = intervals_of(one)
        if intervals is not None:
            cuts.update((FIRST, *(cut for interval in intervals for cut in interval)))
        elif _is_named(one):
            named.setdefault(one.variable, set()).add(one.value)
        else:
            flags[_flag_key(one)] = _flag(one)
    in_order = [flags[key] for key in sorted(flags)]
    return (
        *(axis for axis in in_order if axis.extra is not None),
        *_python(cuts, requires_python),
        *(_named(name, sorted(values)) for name, values in sorted(named.items())),
        *(axis for axis in in_order if axis.extra is None),
    )


def literal_cells(one: Comparison, axis_of: Callable[[str], Axis]) -> tuple[Axis, frozenset[int]]:
    """The axis that a comparison is about, and the cells where it holds."""
    intervals = intervals_of(one)
    if intervals is not None:
        axis = axis_of(PYTHON)
        held = {cell for low, high in intervals for cell in _within(axis.starts, low, high)}
    elif _is_named(one):
        axis = axis_of(one.variable)
        held = {axis.values.index(one.value)}
        held = held if one.operator == "==" else set(range(axis.size)) - held
    else:
        axis = axis_of(_flag_key(one))
        held = {0} if one.operator in _POSITIVES else {1}
    return axis, frozenset(held)


def _comparisons(expression: Expression) -> Iterable[Comparison]:
    if isinstance(expression, Comparison):
        yield expression
    else:
        for part in expression.parts:
            yield from _comparisons(part)


def _within(starts: Sequence[Cut], low: Cut, high: Cut) -> range:
    return range(bisect_left(starts, low), bisect_left(starts, high))


def _python(cuts: set[Cut], requires_python: str) -> Iterable[Axis]:
    """The axis of Python versions, if any marker has one; only what is allowed has a cell."""
    if not cuts:
        return
    allowed = allowed_by(requires_python)
    every = sorted({FIRST, *cuts, *(low for low, _ in allowed), *(high for _, high in allowed)})
    starts = tuple(cut for cut in every if any(low <= cut < high for low, high in allowed))
    # Where no Python is allowed at all, every marker is as good as any other.
    starts = starts or (FIRST,)

    def write(cells: frozenset[int]) -> str:
        return write_versions(starts, cells)

    yield Axis(key=PYTHON, size=len(starts), write=write, starts=starts)


def _is_named(one: Comparison) -> bool:
    return one.operator in ("==", "!=") and one.variable in _NAMES


def _named(variable: str, values: Sequence[str]) -> Axis:
    def write(cells: frozenset[int]) -> str:
        if len(values) in cells:
            others = (value for cell, value in enumerate(values) if cell not in cells)
            return " and ".join(f"{variable} != {_quoted(value)}" for value in others)
        own = [f"{variable} == {_quoted(values[cell])}" for cell in sorted(cells)]
        return own[0] if len(own) == 1 else f"({' or '.join(own)})"

    return Axis(key=variable, size=len(values) + 1, write=write, values=tuple(values))


def _flag(one: Comparison) -> Axis:
    operator = _POSITIVES.get(one.operator, one.operator)

    def write(cells: frozenset[int]) -> str:
        if 1 in cells:
            return _literal(one, operator)
        if operator not in _OPPOSITES:
            raise LockError(f"no marker says the opposite of {_literal(one, operator)!r}")
        return _literal(one, _OPPOSITES[operator])

    extra = one.value if one.variable == "extra" else None
    return Axis(key=_flag_key(one), size=2, write=write, extra=extra)


def _flag_key(one: Comparison) -> str:
    return _literal(one, _POSITIVES.get(one.operator, one.operator))


def _literal(one: Comparison, operator: str) -> str:
    sides = (one.variable, _quoted(one.value))
    left, right = sides[::-1] if one.mirrored else sides
    return f"{left} {operator} {right}"


def _quoted(value: str) -> str:
    return f'"{value}"' if "'" in value else f"'{value}'"
