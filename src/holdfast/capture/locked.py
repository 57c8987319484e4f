"""A project's lock, and what of it lies on this disk: read the same for a seal and for a run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

import tomli
from packaging.utils import parse_wheel_filename

from holdfast.capture.wheels import BuiltWheel, Python, build_wheels, describe_wheel
from holdfast.errors import LockError
from holdfast.lock.closure import Closure
from holdfast.lock.graph import LockedPackage, LockGraph
from holdfast.project.discover import Project
from holdfast.project.indexes import address


def read_lock(project: Project | None) -> tuple[LockGraph | None, str]:
    """The project's lock, or why there is none to use."""
    if project is None:
        return None, "no uv project was found from the script, the working directory or upwards"
    if not project.lockfile.is_file():
        return None, _without_lock(project)
    try:
        text = project.lockfile.read_text(encoding="utf-8")
        return _graph(text), ""
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        return None, f"{project.lockfile.name} cannot be read: {error}"
    except LockError as error:
        return None, f"{project.lockfile.name} cannot be read: {error.message}"


def _without_lock(project: Project) -> str:
    """That there is no lock, and what makes one."""
    name = project.name or project.folder.name
    if project.script:
        return f"the script {name!r} has no {project.lockfile.name}: {project.lock_command}"
    if other := project.other_tool:
        return f"{other} manages the project {name!r}, which has no uv.lock: holdfast migrate"
    if "project" in project.pyproject:
        return f"the project {name!r} has no uv.lock: {project.lock_command}"
    return f"the project {name!r} has no uv.lock, and no [project] table: holdfast migrate"


@lru_cache(maxsize=2)
def _graph(text: str) -> LockGraph:
    """A lock's graph; a program that logs twice reads the same lock again, and it takes a while."""
    return LockGraph.from_dict(tomli.loads(text))


def roots_of(graph: LockGraph, project: Project) -> tuple[str, ...]:
    """The member the script belongs to, if the lock knows it."""
    return (project.name,) if project.name and graph.named(project.name) else ()


def locations(project: Project, closure: Closure) -> dict[str, str]:
    """The index that the lock took each package from."""
    return {
        one.package.name: address(project, one.package.source.location)
        for one in closure.packages
        if one.package.source.kind == "registry"
    }


def wheels_on_disk(
    project: Project, closure: Closure, python: Python, env: Mapping[str, str] | None = None
) -> dict[str, BuiltWheel]:
    """A wheel of each package whose files lie on this disk: they go along.

    Folders that only other machines want are built as well; of files, only one that fits `python`
    can be told to be the right one.

    Raises:
        LockError: A folder of wheels has none that fits.
        ToolError: A build failed.
    """
    selected: Mapping[str, LockedPackage] = closure.select(python.markers)
    built: dict[str, Path] = {}
    ready: dict[str, Path] = {}
    for one in closure.on_disk:
        package = one.package
        if selected.get(package.name) != package and not _is_folder(package):
            continue
        path = _file_on_disk(project, package, python)
        (ready if path.suffix == ".whl" else built)[package.name] = path
    kept = {name: describe_wheel(path) for name, path in ready.items()}
    return build_wheels(built, python, env) | kept


def _is_folder(package: LockedPackage) -> bool:
    return package.source.kind in {"editable", "directory"}


def _file_on_disk(project: Project, package: LockedPackage, python: Python) -> Path:
    """The wheel that fits `python`, else what one is built from."""
    location = package.source.location
    folder = project.root / unquote(location.removeprefix("file://"))
    if package.source.kind != "registry":
        return folder.resolve()
    tags = {tag: rank for rank, tag in enumerate(python.tags)}
    fitting = {
        min(tags[tag] for tag in found): wheel.path or wheel.filename
        for wheel in package.wheels
        if (found := parse_wheel_filename(wheel.filename)[3] & tags.keys())
    }
    if fitting:
        return folder / fitting[min(fitting)]
    if package.sdist is None:
        raise LockError(f"{package.name}: no wheel in {location} fits this Python")
    return folder / (package.sdist.path or package.sdist.filename)
