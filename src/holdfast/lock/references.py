"""The edges of a closure as PEP 751 writes them: by what tells one entry from the others.

Pure. "Each entry … contains the minimum information required to tell which other package entry it
corresponds to" (PEP 751, `packages.dependencies`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from holdfast.lock.closure import Closure, ClosurePackage

# What is compared to tell entries of one name apart, the plainest first.
_TELLING = ("version", "index", "vcs", "archive", "marker")

Entries = Mapping[int, Mapping[str, Any]]


def references(closure: Closure, entries: Entries) -> dict[int, list[dict[str, Any]]]:
    """For the entry at every place in `entries`, its dependencies; sorted, none twice.

    A package that has no entry because it is virtual is stepped over: who needs it needs what it
    needs.
    """
    by_place = {one.place: one for one in closure.packages}
    named: dict[str, list[int]] = {}
    for place, entry in entries.items():
        named.setdefault(entry["name"], []).append(place)
    written = {
        place: _reference(place, named[entry["name"]], entries) for place, entry in entries.items()
    }
    return {
        place: [written[other] for other in _needed(place, by_place, entries)] for place in entries
    }


def _needed(place: int, by_place: Mapping[int, ClosurePackage], entries: Entries) -> Iterable[int]:
    """Places of the entries that the one at `place` needs, in the order of `entries`."""
    found = set(_reach(place, by_place, entries, {place}))
    return [other for other in entries if other in found] if len(found) > 1 else found


def _reach(
    place: int, by_place: Mapping[int, ClosurePackage], entries: Entries, seen: set[int]
) -> Iterator[int]:
    for edge in by_place[place].dependencies:
        other = edge.package
        if other in seen:
            continue
        seen.add(other)
        if other in entries:
            yield other
        elif by_place[other].package.source.kind == "virtual":
            yield from _reach(other, by_place, entries, seen)


def _reference(place: int, namesakes: list[int], entries: Entries) -> dict[str, Any]:
    reference: dict[str, Any] = {"name": entries[place]["name"]}
    left = [entries[other] for other in namesakes if other != place]
    for key in _TELLING:
        if not left:
            break
        if key not in entries[place]:
            continue
        other_values = [other for other in left if other.get(key) == entries[place][key]]
        if len(other_values) < len(left):
            reference[key], left = entries[place][key], other_values
    return reference
