"""From the running program's project to the material of a seal.

The truth is what the model was trained with. Where the installed environment and the lock agree,
the lock is sealed; where they differ, the installed versions are, and the differences are listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import tomli
from packaging.markers import default_environment

from holdfast.capture.freeze import freeze
from holdfast.capture.freshness import LockCheck
from holdfast.capture.material import NOT_THE_MODELS, Material, first_party
from holdfast.capture.wheels import BuiltWheel, build_wheels, describe_wheel
from holdfast.errors import HoldfastError, InputError, LockError
from holdfast.lock.closure import Closure, production_closure
from holdfast.lock.diff import Drift, drift
from holdfast.lock.graph import LockedPackage, LockGraph
from holdfast.lock.pylock import to_pylock
from holdfast.project.discover import Project, find_project
from holdfast.project.installed import installed_distributions
from holdfast.project.settings import Settings
from holdfast.redact import redact
from holdfast.seal.grade import Grade
from holdfast.seal.seal import Difference, SealedIndex


def gather(settings: Settings) -> Material:
    """What the running program's project gives.

    Whatever goes wrong becomes a grade and a reason.
    """
    installed = installed_distributions()
    try:
        project = find_project()
    except InputError as error:
        return Material(settings=settings, installed=installed, reasons=(error.message,))
    material = Material(
        settings=settings,
        project=project,
        installed=installed,
        indexes=_indexes(project),
        check=LockCheck(project),
    )
    try:
        return _from_project(material)
    except HoldfastError as error:
        material.close()
        return replace(material, reasons=(*material.reasons, error.message), check=None)


def _from_project(material: Material) -> Material:
    graph, reason = _read_lock(material.project)
    if graph is None or material.project is None:
        return freeze(replace(material, grade=Grade.FROZEN, reasons=(reason,), check=None), None)
    return _from_lock(replace(material, lock_is_sound=True), graph, material.project)


def _from_lock(material: Material, graph: LockGraph, project: Project) -> Material:
    settings = material.settings
    closure = production_closure(
        graph,
        roots=_roots(graph, project),
        extras=settings.extras,
        groups=settings.groups,
        prune=("holdfast", *settings.exclude),
    )
    selected = closure.select(_here())
    material = replace(
        material, grade=Grade.LOCKED, wheels=_first_party_wheels(project, closure, selected)
    )
    return _with_drift(material, graph, closure, selected)


def _read_lock(project: Project | None) -> tuple[LockGraph | None, str]:
    """The project's lock, or why there is none to use."""
    if project is None:
        return None, "no uv project was found from the script, the working directory or upwards"
    if not project.lockfile.is_file():
        return None, f"the project {project.name or project.folder.name!r} has no uv.lock"
    try:
        text = project.lockfile.read_text(encoding="utf-8")
        return LockGraph.from_dict(tomli.loads(text)), ""
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        return None, f"uv.lock cannot be read: {error}"
    except LockError as error:
        return None, f"uv.lock cannot be read: {error.message}"


def _roots(graph: LockGraph, project: Project) -> tuple[str, ...]:
    """The member the script belongs to, if the lock knows it."""
    return (project.name,) if project.name and graph.named(project.name) else ()


def _first_party_wheels(
    project: Project, closure: Closure, selected: Mapping[str, LockedPackage]
) -> dict[str, BuiltWheel]:
    folders = {
        one.package.name: (project.root / one.package.source.location).resolve()
        for one in closure.first_party
        if one.package.source.kind in {"editable", "directory"} and one.package.name in selected
    }
    return build_wheels(folders) | _ready_made(project, closure)


def _ready_made(project: Project, closure: Closure) -> dict[str, BuiltWheel]:
    """Wheels that lie on disk and are locked by their path."""
    return {
        one.package.name: describe_wheel(project.root / one.package.source.location)
        for one in closure.first_party
        if one.package.source.kind == "path" and one.package.source.location.endswith(".whl")
    }


def _with_drift(
    material: Material,
    graph: LockGraph,
    closure: Closure,
    selected: Mapping[str, LockedPackage],
) -> Material:
    locked = {
        name: package.version
        for name, package in selected.items()
        if package.version is not None and package.source.kind != "virtual"
    }
    in_lock = {package.name for package in graph.packages}
    installed = {
        name: one.version
        for name, one in material.installed.items()
        if name in locked or (name not in in_lock and name not in NOT_THE_MODELS)
    }
    material = replace(
        material,
        drift=_differences(drift(locked, installed)),
        pylock=to_pylock(closure, wheels=first_party(material.wheels)),
        pins=tuple(f"{name}=={version}" for name, version in sorted(locked.items())),
    )
    if not material.drift:
        return material
    return freeze(
        material.fallen(Grade.FROZEN, f"installed is not what uv.lock says: {_said(material)}"),
        closure,
    )


def _differences(found: Drift) -> tuple[Difference, ...]:
    differences = [
        *(Difference(name=name, locked=locked, installed=None) for name, locked in found.missing),
        *(Difference(name=name, locked=None, installed=now) for name, now in found.extra),
        *(
            Difference(name=one.name, locked=one.locked, installed=one.installed)
            for one in found.changed
        ),
    ]
    return tuple(sorted(differences, key=lambda one: one.name))


def _said(material: Material) -> str:
    return ", ".join(
        f"{one.name} {one.installed or 'not installed'} (lock: {one.locked or 'not in it'})"
        for one in material.drift
    )


def _indexes(project: Project | None) -> tuple[SealedIndex, ...]:
    declared = project.pyproject.get("tool", {}).get("uv", {}).get("index", []) if project else []
    return tuple(
        SealedIndex(name=str(index.get("name", "")), url=redact(str(index["url"])))
        for index in declared
        if "url" in index
    )


def _here() -> dict[str, str]:
    return {name: str(value) for name, value in default_environment().items()}
