"""Markers as functions that can be joined and compared, not as text that only grows.

Pure. A lock's closure is the union, over every path to a package, of the markers on that path. As
text this explodes; here the values that a lock's markers tell apart are few, so each variable's
values are put into *cells* (`python_full_version` into intervals, `sys_platform` into those named
and all others), and a marker is a decision diagram over cells. Diagrams are shared and canonical:
two markers mean the same exactly when they are the same number, which is also how a walk around a
cycle knows that nothing changed.

Python versions outside `requires_python` have no cell, so a marker that is true for every allowed
Python becomes no marker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

from holdfast.lock.axes import Axis, axes_of, literal_cells
from holdfast.lock.expression import Comparison, Expression, parse

NEVER = 0
ALWAYS = 1

_Clause = tuple[tuple[int, frozenset[int]], ...]


class MarkerSpace:
    """The markers of one lock.

    Args:
        markers: Every marker that will be read.
        requires_python: The specifier that the Pythons in question satisfy.

    Raises:
        LockError: A marker is not one (PEP 508).
    """

    def __init__(self, markers: Iterable[str], requires_python: str = "") -> None:
        self.axes: Sequence[Axis] = axes_of(map(parse, filter(None, markers)), requires_python)
        self._level = {axis.key: level for level, axis in enumerate(self.axes)}
        end = len(self.axes)
        self._nodes: list[tuple[int, tuple[int, ...]]] = [(end, ()), (end, ())]
        self._place: dict[tuple[int, tuple[int, ...]], int] = {}
        self._read: dict[str, int] = {"": ALWAYS}
        self._both: dict[tuple[int, int], int] = {}
        self._opposite: dict[int, int] = {NEVER: ALWAYS, ALWAYS: NEVER}
        self._text: dict[int, str] = {}

    def read(self, marker: str) -> int:
        """The marker in `marker`; "" is ALWAYS."""
        found = self._read.get(marker)
        if found is None:
            found = self._read[marker] = self._of(parse(marker))
        return found

    def both(self, one: int, other: int) -> int:
        """True where `one` and `other` are."""
        if other in (one, ALWAYS):
            return one
        if one == ALWAYS:
            return other
        if NEVER in (one, other):
            return NEVER
        key = (one, other) if one < other else (other, one)
        found = self._both.get(key)
        if found is None:
            level = min(self._nodes[one][0], self._nodes[other][0])
            pairs = zip(self._branches(one, level), self._branches(other, level), strict=True)
            found = self._both[key] = self._node(level, tuple(self.both(*pair) for pair in pairs))
        return found

    def opposite(self, marker: int) -> int:
        """True where `marker` is not."""
        found = self._opposite.get(marker)
        if found is None:
            level, branches = self._nodes[marker]
            found = self._node(level, tuple(map(self.opposite, branches)))
            self._opposite[marker] = found
            self._opposite[found] = marker
        return found

    def either(self, one: int, other: int) -> int:
        """True where `one` or `other` is."""
        if other in (one, NEVER) or one == ALWAYS:
            return one
        if one == NEVER or other == ALWAYS:
            return other
        return self.opposite(self.both(self.opposite(one), self.opposite(other)))

    def implies(self, one: int, other: int) -> bool:
        """Whether `other` is true wherever `one` is; NEVER implies everything."""
        return self.both(one, other) == one

    def with_extras(self, marker: int, extras: Mapping[str, int]) -> int:
        """`marker`, with each `extra == 'x'` in it true where `extras["x"]` is, else never.

        The markers in `extras` may not speak of extras themselves.
        """
        level, branches = self._nodes[marker]
        # The axes of extras come first: below another axis there are none.
        if level == len(self.axes) or self.axes[level].extra is None:
            return marker
        without, with_it = (self.with_extras(branch, extras) for branch in branches)
        there = extras.get(self.axes[level].extra or "", NEVER)
        return self.either(self.both(there, with_it), self.both(self.opposite(there), without))

    def write(self, marker: int) -> str:
        """`marker` as text: a disjunction of few, short clauses; "" for ALWAYS.

        NEVER has no text in PEP 508: nothing may be wanted then, so it is not written.
        """
        found = self._text.get(marker)
        if found is None:
            clauses = sorted(
                [self.axes[level].write(cells) for level, cells in clause]
                for clause in self._cover(marker, marker)
            )
            found = self._text[marker] = _disjunction(clauses)
        return found

    def _of(self, expression: Expression) -> int:
        if isinstance(expression, Comparison):
            axis, cells = literal_cells(expression, self._axis)
            branches = (ALWAYS if cell in cells else NEVER for cell in range(axis.size))
            return self._node(self._level[axis.key], tuple(branches))
        join = self.both if expression.operator == "and" else self.either
        return reduce(join, map(self._of, expression.parts))

    def _axis(self, key: str) -> Axis:
        return self.axes[self._level[key]]

    def _node(self, level: int, branches: tuple[int, ...]) -> int:
        if branches.count(branches[0]) == len(branches):
            return branches[0]
        key = (level, branches)
        found = self._place.get(key)
        if found is None:
            found = self._place[key] = len(self._nodes)
            self._nodes.append(key)
        return found

    def _branches(self, marker: int, level: int) -> tuple[int, ...]:
        own, branches = self._nodes[marker]
        return branches if own == level else (marker,) * self.axes[level].size

    def _cover(self, lower: int, upper: int) -> list[_Clause]:
        """Clauses that together are true at least where `lower` is, at most where `upper` is.

        After Minato and Morreale's irredundant sums of products: first what needs nothing of the
        uppermost axis, then the rest, each clause in as many cells as it may.
        """
        if lower == NEVER:
            return []
        if upper == ALWAYS:
            return [()]
        level = min(self._nodes[lower][0], self._nodes[upper][0])
        left, uppers = list(self._branches(lower, level)), self._branches(upper, level)
        common = reduce(self.both, uppers)
        clauses = self._cover(self.both(reduce(self.either, left), common), common)
        left = [self.both(one, self.opposite(common)) for one in left]
        for cell, limit in enumerate(uppers):
            for clause in self._cover(left[cell], limit):
                covered = self._clause(clause)
                cells = [at for at, node in enumerate(uppers) if self.implies(covered, node)]
                for at in cells:
                    left[at] = self.both(left[at], self.opposite(covered))
                clauses.append(((level, frozenset(cells)), *clause))
        return clauses

    def _clause(self, clause: _Clause) -> int:
        node = ALWAYS
        for level, cells in reversed(clause):
            size = self.axes[level].size
            node = self._node(
                level, tuple(node if cell in cells else NEVER for cell in range(size))
            )
        return node


def _disjunction(clauses: Sequence[Sequence[str]]) -> str:
    """The clauses joined; brackets only where PEP 508 needs them or a reader does."""
    if clauses == [[]]:
        return ""
    texts = [" and ".join(parts) for parts in clauses]
    if len(texts) == 1:
        # A literal has brackets of its own where it holds an "or".
        alone = len(clauses[0]) == 1 and texts[0].startswith("(")
        return texts[0][1:-1] if alone else texts[0]
    return " or ".join(f"({text})" if " and " in text else text for text in texts)
