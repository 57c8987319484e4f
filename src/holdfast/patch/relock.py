"""A sealed lock with other versions of some packages, and as little else changed as can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from holdfast.errors import InputError
from holdfast.lock.diff import diff
from holdfast.resolve import resolve
from holdfast.seal.seal import SealedIndex

Lock = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One package that another lock has otherwise.

    Attributes:
        before: Its version; "" where it was not there.
        after: Its version; "" where it is not there any more.
    """

    name: str
    before: str
    after: str

    def __str__(self) -> str:
        """As people write it: "jinja2 3.1.2 → 3.1.6"."""
        return f"{self.name} {self.before or '(none)'} → {self.after or '(none)'}"


def relocked(
    lock: Lock,
    wanted: Mapping[str, str],
    *,
    asked: Sequence[str],
    indexes: Sequence[SealedIndex],
    python: str,
) -> dict[str, Any]:
    """`lock` with `wanted` versions: all others stay, but where these cannot be had beside them.

    First-party wheels, and what a URL or a commit names, stay as they are.

    Args:
        lock: A PEP 751 lock.
        wanted: Versions by name; packages of an index in the lock.
        asked: What the project asks for: requirements that bound what is chosen.
        indexes: That the project declares.
        python: The release that it is for, where the lock does not say: "3.11".

    Raises:
        InputError: A name in `wanted` is no package of an index in the lock.
        ToolError: There is no such version, or none that goes with the rest.
    """
    packages: Sequence[dict[str, Any]] = lock["packages"]
    movable = [one for one in packages if _is_of_an_index(one)]
    names = {canonicalize_name(one["name"]) for one in movable}
    wanted = {str(canonicalize_name(name)): version for name, version in wanted.items()}
    if strange := sorted(wanted.keys() - names):
        raise InputError(f"the lock has no package of an index called {', '.join(strange)}")
    found = resolve(
        list(_requirements(movable, wanted)),
        folder=None,
        indexes=indexes,
        constraints=[line for line in asked if _name_of(line) not in wanted],
        preferences=[one for one in movable if one["name"] not in wanted],
        with_dependencies=True,
        python=_oldest(str(lock.get("requires-python", ""))) or python,
    )
    return {**lock, "packages": _merged(packages, found)}


def changes(before: Lock, after: Lock) -> tuple[Change, ...]:
    """What the later lock has otherwise, by name."""
    found = diff(before, after)
    changed = [
        *(Change(name=one.name, before="", after=one.version or "") for one in found.added),
        *(Change(name=one.name, before=one.version or "", after="") for one in found.removed),
        *(
            Change(
                name=one.after.name,
                before=one.before.version or "",
                after=one.after.version or "",
            )
            for one in found.changed
            if "version" in one.what
        ),
    ]
    return tuple(sorted(changed, key=lambda one: one.name))


def _oldest(requires_python: str) -> str:
    """The oldest release that a lock is for: "3.10" of ">=3.10"; "" where it names none."""
    for one in SpecifierSet(requires_python):
        if one.operator in {">=", "~="}:
            return one.version
    return ""


def _is_of_an_index(package: Mapping[str, Any]) -> bool:
    files = [*package.get("wheels", ()), package.get("sdist", {})]
    return "version" in package and any("url" in file for file in files) and "vcs" not in package


def _requirements(
    packages: Sequence[Mapping[str, Any]], wanted: Mapping[str, str]
) -> Iterator[str]:
    """A line for each entry: a lock that forks has several of a name, for machines of their own."""
    several = [one["name"] for one in packages]
    for one in packages:
        name = str(one["name"])
        marker = f" ; {one['marker']}" if one.get("marker") else ""
        if name in wanted:
            yield f"{name}=={wanted[name]}{marker}"
        elif several.count(name) > 1:
            yield f"{name}=={one['version']}{marker}"
        else:
            yield f"{name}{marker}"


def _merged(
    packages: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What stays is taken from the sealed lock, file by file as it was."""
    before = {(one["name"], one.get("version")): one for one in packages}
    mended = [before.get((one["name"], one.get("version")), one) for one in found]
    stays = [one for one in packages if not _is_of_an_index(one)]
    return sorted([*mended, *stays], key=lambda one: (one["name"], str(one.get("version", ""))))


def _name_of(line: str) -> str:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return str(canonicalize_name(Requirement(line).name))
    except InvalidRequirement:
        return ""
