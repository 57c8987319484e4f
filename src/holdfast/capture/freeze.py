"""Sealing what is installed where the lock does not say it: grade `frozen`, or `pinned`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from packaging.utils import canonicalize_name, canonicalize_version

from holdfast.capture.edges import with_edges
from holdfast.capture.local import local_ones
from holdfast.capture.material import (
    NOT_THE_MODELS,
    Material,
    first_party,
    first_party_package,
)
from holdfast.capture.trim import trimmed
from holdfast.capture.vendor import vendor_installed
from holdfast.capture.wheels import BuiltWheel
from holdfast.errors import HoldfastError, ToolError
from holdfast.project.installed import Installed, requirement_of
from holdfast.resolve import new_lock, resolve
from holdfast.seal.grade import Grade

# How uv says it, whatever the line breaks.
_NOT_HAD = re.compile(
    r"there is no version of ([\w.-]+)==|[Bb]ecause ([\w.-]+) was not found in the package registry"
)


def freeze_all(material: Material) -> Material:
    """`material` with everything that is installed: there is no lock that could say more.

    Raises:
        HoldfastError: First-party code cannot be built.
    """
    return _frozen(material, material.installed.keys() - NOT_THE_MODELS, frozenset())


def freeze_drift(material: Material) -> Material:
    """`material` with the installed versions in the place of those that its lock has.

    Raises:
        HoldfastError: First-party code cannot be built.
    """
    drifted = frozenset(one.name for one in material.drift)
    return _frozen(material, drifted & material.installed.keys(), drifted)


def _frozen(material: Material, names: Iterable[str], gone: frozenset[str]) -> Material:
    """`material` with the installed `names`, and without what the lock says of `gone`."""
    changed = {name: material.installed[name] for name in sorted(names)}
    material = _with_first_party(material, changed)
    pins = dict(pin.split("==") for pin in material.pins if pin.split("==")[0] not in gone)
    pins |= {name: one.version for name, one in changed.items()}
    material = replace(material, pins=tuple(f"{name}=={pins[name]}" for name in sorted(pins)))
    try:
        packages, lost = _packages(material, changed)
    except HoldfastError as error:
        fallen = material.fallen(Grade.PINNED, f"hashes could not be had: {error.message}")
        return replace(fallen, pylock=None)
    base = material.pylock or new_lock([])
    kept = [package for package in base["packages"] if package["name"] not in gone]
    joined = with_edges(_joined([*kept, *packages]), material.installed, _asked(material))
    material = replace(material, pylock={**base, "packages": joined})
    return _without(material, lost) if lost else material


def _without(material: Material, lost: Collection[str]) -> Material:
    """What no index has, and no folder here, cannot be restored: that much is said."""
    named = ", ".join(f"{name} {material.installed[name].version}" for name in sorted(lost))
    pins = tuple(pin for pin in material.pins if pin.split("==")[0] not in lost)
    reason = f"installed, but to be had nowhere, so that a restored environment lacks it: {named}"
    return replace(material.fallen(Grade.FROZEN, reason), pins=pins)


def _asked(material: Material) -> list[str]:
    """What the project's own table asks for, extras and all."""
    table = material.project.pyproject if material.project else {}
    wanted = [table.get("dependencies"), table.get("project", {}).get("dependencies")]
    return [str(line) for each in wanted if isinstance(each, list) for line in each]


def _joined(packages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`packages`, no longer pointing to what is not among them.

    A reference to a version that was there beside others leads to the one that is there now.
    """
    versions: dict[str, list[Any]] = {}
    for package in packages:
        versions.setdefault(package["name"], []).append(package.get("version"))

    def reference(to: Mapping[str, Any]) -> Mapping[str, Any] | None:
        there = versions.get(to["name"], [])
        if "version" not in to or to["version"] in there:
            return to if there else None
        return {"name": to["name"]} if len(there) == 1 else None

    joined = []
    for package in packages:
        edges = list(filter(None, map(reference, package.get("dependencies", ()))))
        rest = {key: value for key, value in package.items() if key != "dependencies"}
        joined.append({**rest, "dependencies": edges} if edges else rest)
    return joined


def _with_first_party(material: Material, changed: Mapping[str, Installed]) -> Material:
    """Code that is installed from a folder, or is to be vendored: built as a wheel."""
    kept = {name: wheel for name, wheel in material.wheels.items() if _is_it(wheel, changed)}
    local = local_ones(one for name, one in changed.items() if name not in kept)
    built, lost = vendor_installed(changed, material.settings.vendor, material.project)
    for reason in lost:
        material = material.fallen(Grade.FROZEN, reason)
    left_out = ("holdfast", *material.settings.exclude)
    wheels = trimmed({**kept, **local.built(), **built}, left_out)
    return replace(material, wheels=wheels)


def _is_it(wheel: BuiltWheel, changed: Mapping[str, Installed]) -> bool:
    """Whether a wheel made of what the lock names is also what is installed."""
    there = changed.get(canonicalize_name(wheel.name))
    return there is None or (
        canonicalize_version(there.version) == canonicalize_version(wheel.version)
    )


def _packages(
    material: Material, changed: Mapping[str, Installed]
) -> tuple[list[dict[str, Any]], set[str]]:
    """PEP 751 packages of what is installed, asked of the index that each belongs to; and the rest.

    A package of this name elsewhere is somebody else's: what is no longer on this disk is lost.
    """
    ours = {name: wheel for name, wheel in material.wheels.items() if name in changed}
    packages = [first_party_package(name, wheel) for name, wheel in first_party(ours).items()]
    others = {name: one for name, one in changed.items() if name not in ours}
    lost = set(local_ones(others.values()).gone)
    while asked := [requirement_of(one) for name, one in others.items() if name not in lost]:
        try:
            found = resolve(asked, folder=material.folder, indexes=material.indexes)
        except ToolError as error:  # noqa: PERF203 - a round for each that is missing
            missing = _not_had(error.message) & others.keys() - lost
            if not missing:
                raise
            lost |= missing
        else:
            return [*packages, *found], lost
    return packages, lost


def _not_had(said: str) -> set[str]:
    """The packages that uv found on no index, or not in the version that is installed."""
    names = _NOT_HAD.findall(" ".join(said.split()))
    return {canonicalize_name(one or other) for one, other in names}
