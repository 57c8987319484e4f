"""From the running program's project to the material of a seal.

The truth is what the model was trained with. Where the installed environment and the lock agree,
the lock is sealed; where they differ, the installed versions are, and the differences are listed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from holdfast.capture.freeze import freeze_all, freeze_drift
from holdfast.capture.freshness import LockCheck
from holdfast.capture.locked import locations, read_lock, roots_of, wheels_on_disk
from holdfast.capture.material import NOT_THE_MODELS, Material, first_party
from holdfast.capture.surroundings import lock_variables
from holdfast.capture.trim import trimmed
from holdfast.capture.vendor import with_vendored
from holdfast.capture.wheels import Python
from holdfast.errors import HoldfastError, InputError
from holdfast.lock.closure import Closure, production_closure
from holdfast.lock.diff import Drift, drift
from holdfast.lock.graph import LockedPackage, LockGraph
from holdfast.lock.pylock import to_pylock
from holdfast.project.conda import conda_packages
from holdfast.project.discover import Project, find_project
from holdfast.project.indexes import declared_indexes, with_packages
from holdfast.project.installed import installed_distributions
from holdfast.project.settings import Settings
from holdfast.seal.grade import Grade
from holdfast.seal.seal import Difference


def gather(settings: Settings, named: str = "") -> Material:
    """What the running program's project gives.

    Whatever goes wrong becomes a grade and a reason.

    Args:
        settings: The project's.
        named: A folder of the project, where MLflow was told of one.
    """
    return _of_one_mlflow(_gathered(settings, named))


def _of_one_mlflow(material: Material) -> Material:
    """Up to 2.14, mlflow has the files of mlflow-skinny in it: of two versions, who knows which."""
    whole, skinny = (material.installed.get(name) for name in ("mlflow", "mlflow-skinny"))
    if not whole or not skinny or whole.version == skinny.version:
        return material
    return material.fallen(
        Grade.FROZEN,
        f"mlflow {whole.version} and mlflow-skinny {skinny.version} are installed over each other: "
        f"uv add mlflow-skinny=={whole.version}",
    )


def _gathered(settings: Settings, named: str) -> Material:
    material = Material(settings=settings, installed=installed_distributions())
    try:
        project = find_project(named)
        graph, reason = read_lock(project)
    except InputError as error:
        project, graph, reason = None, None, error.message
    material = replace(material, project=project, indexes=declared_indexes(project))
    if graph is not None and project is not None:
        env = lock_variables(graph, project)
        material = replace(material, lock_is_sound=True, check=LockCheck(project, env=env))
        try:
            return _from_lock(material, graph, project, env)
        except HoldfastError as error:
            material.close()
            reason = error.message
    return _from_installed(replace(material, check=None), reason)


def _from_installed(material: Material, reason: str) -> Material:
    """For want of a lock that counts, for this `reason`: what is there."""
    material = replace(material, grade=Grade.FROZEN, reasons=(reason, *_of_conda(material)))
    try:
        return freeze_all(material)
    except HoldfastError as error:
        return material.fallen(Grade.INFERRED, error.message)


def _of_conda(material: Material) -> Iterator[str]:
    """What conda has brought, and no index has as it is here."""
    packages = conda_packages(Path(sys.prefix))
    if alone := [f"{one.name} {one.version}" for one in packages if not one.distribution]:
        yield f"conda alone brings {', '.join(alone)}: restored without"
    if built := sorted(name for name, one in material.installed.items() if one.by_conda):
        yield f"conda has built {', '.join(built)}: sealed as the index has that version"


def _from_lock(
    material: Material, graph: LockGraph, project: Project, env: Mapping[str, str]
) -> Material:
    settings = material.settings
    left_out = ("holdfast", *settings.exclude)
    closure = production_closure(
        graph,
        roots=roots_of(graph, project),
        extras=settings.extras,
        groups=(*settings.groups, *project.default_groups),
        prune=left_out,
    )
    python = Python.running()
    selected = closure.select(python.markers)
    closure, lost = with_vendored(closure, selected, settings.vendor, project, env)
    material = replace(
        material,
        grade=Grade.FROZEN if lost else Grade.LOCKED,
        reasons=lost,
        wheels=trimmed(wheels_on_disk(project, closure, python, env), left_out),
        indexes=with_packages(material.indexes, locations(project, closure)),
    )
    return _with_drift(material, graph, closure, closure.select(python.markers))


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
    return freeze_drift(
        material.fallen(Grade.FROZEN, f"installed is not what uv.lock says: {_said(material)}")
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
