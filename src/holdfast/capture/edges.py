"""The edges of what was resolved without a graph: from what installed distributions say they need.

A lock made of installed versions is a list; slimming, and whoever else walks a lock, needs to know
what needs what.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from holdfast.project.installed import Installed, requirements_of

Packages = list[dict[str, Any]]

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def with_edges(
    packages: Packages, installed: Mapping[str, Installed], asked: Iterable[str] = ()
) -> Packages:
    """`packages`, those without `dependencies` with what their installed metadata asks for here.

    Args:
        packages: Of a PEP 751 lock.
        installed: By name; one that is not there, or in another version, says nothing.
        asked: What the user asked for: its extras count, as do those that packages ask of others.
    """
    by_name: dict[str, Packages] = {}
    for one in packages:
        by_name.setdefault(one["name"], []).append(one)
    there = {one["name"] for one in packages if _is_installed(one, installed)}
    needs = {name: list(_read(requirements_of(installed[name]), by_name)) for name in there}
    extras = _extras(needs, _read(asked, by_name))
    joined = []
    for one in packages:
        edges: Packages = []
        if "dependencies" not in one and _is_installed(one, installed):
            edges = _edges(needs[one["name"]], extras.get(one["name"], set()), by_name)
        joined.append({**one, "dependencies": edges} if edges else one)
    return joined


def _is_installed(package: Mapping[str, Any], installed: Mapping[str, Installed]) -> bool:
    found = installed.get(package["name"])
    return found is not None and package.get("version") in {None, found.version}


def _read(lines: Iterable[str], names: Container[str]) -> Iterator[Requirement]:
    """Those of `lines` that name one of `names`: most are for tests and docs, and name none."""
    for line in lines:
        found = _NAME.match(line)
        if found and canonicalize_name(found[0]) in names:
            with suppress(InvalidRequirement):
                yield Requirement(line)


def _extras(
    needs: Mapping[str, Sequence[Requirement]], asked: Iterable[Requirement]
) -> dict[str, set[str]]:
    """The extras that are asked of each package, by whoever is asked for in turn."""
    found: dict[str, set[str]] = {}
    with_extras = {name: [one for one in needs[name] if one.extras] for name in needs}
    todo = [*asked, *(one for each in with_extras.values() for one in each if _holds(one, ()))]
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        new = {canonicalize_name(extra) for extra in requirement.extras} - found.get(name, set())
        if new:
            found.setdefault(name, set()).update(new)
            todo += [one for one in with_extras.get(name, ()) if _holds(one, new)]
    return found


def _holds(requirement: Requirement, extras: Iterable[str]) -> bool:
    """Whether it counts on this machine, with one of `extras` or with none."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _edges(
    needs: Iterable[Requirement], extras: Iterable[str], by_name: Mapping[str, Packages]
) -> Packages:
    names = {canonicalize_name(one.name) for one in needs if _holds(one, extras)}
    return [_reference(one, by_name) for name in sorted(names) for one in by_name[name]]


def _reference(package: Mapping[str, Any], by_name: Mapping[str, Packages]) -> dict[str, Any]:
    """What tells `package` from the others (PEP 751): mostly its name."""
    keys = ("name",) if len(by_name[package["name"]]) == 1 else ("name", "version")
    return {key: package[key] for key in keys if key in package}
