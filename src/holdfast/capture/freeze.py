"""Sealing what is installed where the lock does not say it: grade `frozen`, or `pinned`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name, canonicalize_version

from holdfast.capture.material import (
    NOT_THE_MODELS,
    Material,
    first_party,
    first_party_package,
)
from holdfast.capture.trim import trimmed
from holdfast.capture.vendor import vendor_installed
from holdfast.capture.wheels import BuiltWheel, build_wheels
from holdfast.errors import HoldfastError
from holdfast.project.installed import Installed, requirement_of
from holdfast.resolve import new_lock, resolve
from holdfast.seal.grade import Grade


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
    pins = dict(pin.split("==") for pin in material.pins if pin.split("==")[0] not in gone)
    pins |= {name: one.version for name, one in changed.items()}
    material = replace(material, pins=tuple(f"{name}=={pins[name]}" for name in sorted(pins)))
    material = _with_first_party(material, changed)
    try:
        packages = _packages(material, changed)
    except HoldfastError as error:
        fallen = material.fallen(Grade.PINNED, f"hashes could not be had: {error.message}")
        return replace(fallen, pylock=None)
    base = material.pylock or new_lock([])
    kept = [package for package in base["packages"] if package["name"] not in gone]
    return replace(material, pylock={**base, "packages": _joined([*kept, *packages])})


def _joined(packages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`packages`, no longer pointing to what is not among them, or is in another version."""
    names = {package["name"] for package in packages}
    versions = {(package["name"], package.get("version")) for package in packages}

    def leads_somewhere(to: Mapping[str, Any]) -> bool:
        return to["name"] in names and (
            "version" not in to or (to["name"], to["version"]) in versions
        )

    joined = []
    for package in packages:
        edges = [to for to in package.get("dependencies", ()) if leads_somewhere(to)]
        rest = {key: value for key, value in package.items() if key != "dependencies"}
        joined.append({**rest, "dependencies": edges} if edges else rest)
    return joined


def _with_first_party(material: Material, changed: Mapping[str, Installed]) -> Material:
    """Code that is installed from a folder, or is to be vendored: built as a wheel."""
    kept = {name: wheel for name, wheel in material.wheels.items() if _is_it(wheel, changed)}
    folders = {
        name: Path(unquote(urlsplit(one.direct_url["url"]).path))
        for name, one in changed.items()
        if "dir_info" in one.direct_url and name not in kept
    }
    built, lost = vendor_installed(changed, material.settings.vendor, material.project)
    for reason in lost:
        material = material.fallen(Grade.FROZEN, reason)
    left_out = ("holdfast", *material.settings.exclude)
    wheels = trimmed({**kept, **build_wheels(folders), **built}, left_out)
    return replace(material, wheels=wheels)


def _is_it(wheel: BuiltWheel, changed: Mapping[str, Installed]) -> bool:
    """Whether a wheel made of what the lock names is also what is installed."""
    there = changed.get(canonicalize_name(wheel.name))
    return there is None or (
        canonicalize_version(there.version) == canonicalize_version(wheel.version)
    )


def _packages(material: Material, changed: Mapping[str, Installed]) -> list[dict[str, Any]]:
    """PEP 751 packages of what is installed, asked of the index that each belongs to."""
    ours = {name: wheel for name, wheel in material.wheels.items() if name in changed}
    packages = [first_party_package(name, wheel) for name, wheel in first_party(ours).items()]
    lines = [requirement_of(one) for name, one in changed.items() if name not in ours]
    if lines:
        packages += resolve(lines, folder=material.folder, indexes=material.indexes)
    return packages
