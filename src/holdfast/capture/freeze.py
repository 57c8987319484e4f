"""Sealing what is installed where the lock does not say it: grade `frozen`, or `pinned`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from holdfast.capture.material import (
    NOT_THE_MODELS,
    Material,
    first_party,
    first_party_package,
)
from holdfast.capture.wheels import build_wheels
from holdfast.errors import HoldfastError
from holdfast.lock.closure import Closure
from holdfast.project.installed import Installed
from holdfast.redact import redact
from holdfast.resolve import new_lock, resolve
from holdfast.seal.grade import Grade


def freeze(material: Material, closure: Closure | None) -> Material:
    """`material` with the installed versions in the place of the lock's.

    Args:
        material: What the project gave.
        closure: What the lock has, of which `material.drift` is not so; None where no lock counts,
            and everything installed is sealed.
    """
    if closure is None:
        names = material.installed.keys() - NOT_THE_MODELS
    else:
        names = {one.name for one in material.drift if one.installed is not None}
    changed = {name: material.installed[name] for name in sorted(names)}
    gone = {one.name for one in material.drift}
    pins = dict(pin.split("==") for pin in material.pins if pin.split("==")[0] not in gone)
    pins |= {name: one.version for name, one in changed.items()}
    material = replace(material, pins=tuple(f"{name}=={pins[name]}" for name in sorted(pins)))
    material = _with_first_party(material, changed)
    try:
        packages = _packages(material, closure, changed)
    except HoldfastError as error:
        fallen = material.fallen(Grade.PINNED, f"hashes could not be had: {error.message}")
        return replace(fallen, pylock=None)
    kept = [
        package
        for package in (material.pylock or {}).get("packages", ())
        if package["name"] not in gone
    ]
    base = material.pylock or new_lock([])
    return replace(material, pylock={**base, "packages": [*kept, *packages]})


def _with_first_party(material: Material, changed: Mapping[str, Installed]) -> Material:
    """Code that is installed from a folder: built as a wheel, whatever the lock says of it."""
    folders = {
        name: Path(unquote(urlsplit(one.direct_url["url"]).path))
        for name, one in changed.items()
        if "dir_info" in one.direct_url and name not in material.wheels
    }
    return replace(material, wheels={**material.wheels, **build_wheels(folders)})


def _packages(
    material: Material, closure: Closure | None, changed: Mapping[str, Installed]
) -> list[dict[str, Any]]:
    """PEP 751 packages of what is installed, asked of the index that each belongs to."""
    ours = {name: wheel for name, wheel in material.wheels.items() if name in changed}
    packages = [first_party_package(name, wheel) for name, wheel in first_party(ours).items()]
    for index, names in _by_index(material, closure, changed.keys() - ours.keys()).items():
        lines = [_requirement(changed[name]) for name in names]
        folder = material.project.root if material.project else Path.cwd()
        packages += resolve(lines, folder=folder, index=index)
    return packages


def _by_index(
    material: Material, closure: Closure | None, names: Iterable[str]
) -> dict[str | None, list[str]]:
    """`names` by the declared index that the lock binds them to.

    A package of a declared index is asked of that index alone: one of the same name elsewhere must
    not take its place. None stands for the index that uv asks where nothing is declared.
    """
    declared = {index.url.rstrip("/") for index in material.indexes}
    bound: dict[str, str] = {}
    for one in closure.packages if closure else ():
        source = one.package.source
        if source.kind == "registry" and redact(source.location).rstrip("/") in declared:
            bound[one.package.name] = source.location
    by_index: dict[str | None, list[str]] = {}
    for name in sorted(names):
        by_index.setdefault(bound.get(name), []).append(name)
    return by_index


def _requirement(one: Installed) -> str:
    """A requirement for exactly what is installed (PEP 610 says where it came from)."""
    url = redact(str(one.direct_url.get("url", "")))
    if "vcs_info" in one.direct_url:
        vcs = one.direct_url["vcs_info"]
        return f"{one.name} @ {vcs['vcs']}+{url}@{vcs['commit_id']}"
    if "archive_info" in one.direct_url:
        return f"{one.name} @ {url}"
    return f"{one.name}=={one.version}"
