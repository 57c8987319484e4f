"""Python versions as intervals between cuts.

Pure. `python_version` is `python_full_version` to two places, so a comparison with either is a set
of intervals of full versions. Pre-releases of Python are taken for the release they lead to: a
lock made for 3.14 is right for 3.14.0rc1, which no order of versions would say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import product

from holdfast.lock.expression import Comparison

PYTHON = "python_full_version"

# A place between versions: just before a release (0) or just after it (1).
Cut = tuple[tuple[int, ...], int]
Interval = tuple[Cut, Cut]

FIRST: Cut = ((), 0)
LAST: Cut = ((1 << 30,), 0)

_RELEASE = re.compile(r"\d+(\.\d+)*")
_CLAUSE = re.compile(r"\s*(===|==|~=|!=|<=|>=|<|>)\s*(\S+)\s*")


def intervals_of(one: Comparison) -> tuple[Interval, ...] | None:
    """The full versions for which a comparison holds; None where it is not of Python versions."""
    if one.variable == "python_version":
        if one.operator in ("in", "not in") and not one.mirrored:
            return _listed(one)
        return _compared(one.operator, one.value, minor=True)
    return _compared(one.operator, one.value) if one.variable == PYTHON else None


def allowed_by(specifier: str) -> tuple[Interval, ...]:
    """The versions that `specifier` allows; a clause that has no intervals allows all."""
    allowed: tuple[Interval, ...] = ((FIRST, LAST),)
    for clause in filter(None, specifier.split(",")):
        match = _CLAUSE.fullmatch(clause)
        intervals = _compared(match[1], match[2]) if match else None
        if intervals is not None:
            allowed = _overlap(allowed, intervals)
    return allowed


def write_versions(starts: Sequence[Cut], cells: frozenset[int]) -> str:
    """The literal that says "in one of these cells", which begin at `starts`."""
    missing = [cell for cell in range(len(starts)) if cell not in cells]
    if len(missing) == 1 and _is_point(starts, missing[0]):
        return f"{PYTHON} != '{_text(starts[missing[0]])}'"
    runs = [_run(starts, low, high) for low, high in _runs(sorted(cells))]
    if len(runs) == 1:
        return runs[0]
    return f"({' or '.join(f'({run})' if ' and ' in run else run for run in runs)})"


def _compared(operator: str, text: str, *, minor: bool = False) -> tuple[Interval, ...] | None:
    """The intervals for `operator text`; None where `text` is no plain release."""
    if operator in ("!=", "not in"):
        same = _compared("==", text, minor=minor) if operator == "!=" else None
        return _outside(same) if same is not None else None
    if operator == "==" and text.endswith(".*") and _RELEASE.fullmatch(text[:-2]):
        return (_prefix(_parts(text[:-2])),)
    if not _RELEASE.fullmatch(text):
        return None
    if operator == "~=":
        low, high = _prefix(_parts(text)[:-1])
        return (((_release(_parts(text)), 0), high),) if low != FIRST else None
    before, after = _around_minor(text) if minor else _around(text)
    return {
        "<": ((FIRST, before),),
        "<=": ((FIRST, after),),
        ">": ((after, LAST),),
        ">=": ((before, LAST),),
        "==": ((before, after),) if before < after else (),
        "===": ((before, after),) if before < after else (),
    }.get(operator)


def _around(text: str) -> Interval:
    release = _release(_parts(text))
    return (release, 0), (release, 1)


def _around_minor(text: str) -> Interval:
    """`python_version` has no third number: 3.12.1 lies between "3.12" and "3.13"."""
    major, minor, *rest = (*_parts(text), 0, 0)
    after = (_release((major, minor + 1)), 0)
    return (after if any(rest) else (_release((major, minor)), 0)), after


def _listed(one: Comparison) -> tuple[Interval, ...] | None:
    """`python_version in '3.10 3.11'`: packaging looks for a substring, which these are."""
    found: list[Interval] = []
    for text in re.split(r"[\s,|]+", one.value.strip()):
        intervals = _compared("==", text, minor=True)
        if intervals is None:
            return None
        found.extend(intervals)
    return tuple(found) if one.operator == "in" else _outside(sorted(found))


def _prefix(parts: Sequence[int]) -> Interval:
    """All versions that begin with `parts`."""
    if not parts:
        return FIRST, LAST
    return (_release(parts), 0), (_release((*parts[:-1], parts[-1] + 1)), 0)


def _outside(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    found, low = [], FIRST
    for start, end in intervals:
        if low < start:
            found.append((low, start))
        low = max(low, end)
    return (*found, (low, LAST)) if low < LAST else tuple(found)


def _overlap(one: Sequence[Interval], other: Sequence[Interval]) -> tuple[Interval, ...]:
    pairs = ((max(a, c), min(b, d)) for (a, b), (c, d) in product(one, other))
    return tuple(sorted((low, high) for low, high in pairs if low < high))


def _parts(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def _release(parts: Sequence[int]) -> tuple[int, ...]:
    """3.12.0 is 3.12 (PEP 440, "Final releases")."""
    kept = list(parts)
    while kept and kept[-1] == 0:
        kept.pop()
    return tuple(kept)


def _is_point(starts: Sequence[Cut], cell: int) -> bool:
    return cell + 1 < len(starts) and starts[cell + 1] == (starts[cell][0], 1)


def _runs(cells: Sequence[int]) -> Iterable[tuple[int, int]]:
    """First and last of every run of neighbours."""
    first = last = cells[0]
    for cell in cells[1:]:
        if cell != last + 1:
            yield first, last
            first = cell
        last = cell
    yield first, last


def _run(starts: Sequence[Cut], first: int, last: int) -> str:
    if first == last and _is_point(starts, first):
        return f"{PYTHON} == '{_text(starts[first])}'"
    bounds = []
    if first > 0:
        bounds.append(f"{PYTHON} {'>' if starts[first][1] else '>='} '{_text(starts[first])}'")
    if last + 1 < len(starts):
        end = starts[last + 1]
        bounds.append(f"{PYTHON} {'<=' if end[1] else '<'} '{_text(end)}'")
    return " and ".join(bounds)


def _text(cut: Cut) -> str:
    """At least two numbers: `< '3'` is right, `< '3.0'` is what people write."""
    return ".".join(map(str, (*cut[0], 0, 0)[: max(2, len(cut[0]))]))
