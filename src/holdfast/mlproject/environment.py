"""From a project on disk to the environment of its lock.

The closure is the one that is sealed at log time (`uv export --no-dev`), but that Holdfast itself
stays: training happens here, and models logged here are sealed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from holdfast.capture.freshness import LockCheck
from holdfast.capture.locked import read_lock, roots_of, wheels_on_disk
from holdfast.capture.material import WHEELS, first_party
from holdfast.capture.surroundings import lock_variables
from holdfast.capture.wheels import BuiltWheel, Python
from holdfast.environment.python import Interpreter, project_python
from holdfast.environment.spec import Spec
from holdfast.environment.store import Environment, Store
from holdfast.errors import InputError, LockError
from holdfast.lock.closure import Closure, production_closure
from holdfast.lock.graph import LockGraph
from holdfast.lock.pylock import dumps, to_pylock
from holdfast.mlproject.options import Options
from holdfast.progress import Progress
from holdfast.project.discover import Project, project_above
from holdfast.project.indexes import declared_indexes
from holdfast.project.settings import readable_settings


def locked_environment(
    store: Store,
    folder: Path,
    root: Path | None,
    options: Options,
    on_progress: Progress,
) -> Environment:
    """The environment of the lock of the project in `folder`, built if it is not in the store.

    Args:
        store: Where it is, or will be.
        folder: Where `MLproject` is.
        root: The project is not looked for above it; None for anywhere above.
        options: What the caller wants.
        on_progress: Told what takes time, a line at a time.

    Raises:
        InputError: There is no uv project.
        LockError: It has no lock, or one that does not fit `pyproject.toml`.
        HoldfastError: The environment cannot be had; each leaf says why.
    """
    project = _project(folder, root)
    graph, reason = read_lock(project)
    if graph is None:
        raise LockError(reason, hint=f"uv lock --project {project.root}, and keep it in git")
    interpreter = project_python(project.folder, options.python, remembered=store.layout.pythons)
    env = lock_variables(graph, project) | ({"UV_OFFLINE": "1"} if options.offline else {})
    with closing(LockCheck(project, python=str(interpreter.path), env=env)) as check:
        closure = _closure(graph, project, options)
        wheels = wheels_on_disk(project, closure, _for(interpreter), env)
        _refuse_stale(check.complaint(), project, options)
    with tempfile.TemporaryDirectory(prefix="holdfast-project-") as scratch:
        spec = _spec(closure, wheels, project, interpreter, Path(scratch))
        return store.restore(spec, offline=options.offline, strict=True, on_progress=on_progress)


def _project(folder: Path, root: Path | None) -> Project:
    project = project_above(folder)
    if project is None or (root is not None and not project.root.is_relative_to(root)):
        raise InputError(
            f"{folder} is in no uv project: there is no pyproject.toml",
            hint="uv init --bare; uv add mlflow holdfast",
        )
    return project


def _closure(graph: LockGraph, project: Project, options: Options) -> Closure:
    settings, problems = readable_settings(*project.pyprojects)
    if problems:
        raise InputError("; ".join(problems), hint="docs/settings.md lists them all")
    groups = settings.groups if options.groups is None else options.groups
    return production_closure(
        graph,
        roots=roots_of(graph, project),
        extras=settings.extras if options.extras is None else options.extras,
        groups=(*groups, *project.default_groups),
    )


def _for(interpreter: Interpreter) -> Python:
    target = interpreter.target()
    return Python(
        program=str(interpreter.path),
        build=str(interpreter.facts["build"]),
        markers=target.markers,
        tags=target.tags,
    )


def _refuse_stale(complaint: str, project: Project, options: Options) -> None:
    # Without a network uv may not know; what it then says is no reason.
    if complaint and (not options.offline or "older than" in complaint):
        raise LockError(
            f"the project {project.name or project.folder.name!r}: {complaint}",
            hint=f"uv lock --project {project.root}",
        )


def _spec(
    closure: Closure,
    wheels: Mapping[str, BuiltWheel],
    project: Project,
    interpreter: Interpreter,
    folder: Path,
) -> Spec:
    """The lock with its first-party wheels beside it in `folder`, as in a sealed model."""
    (folder / WHEELS).mkdir(parents=True)
    for wheel in wheels.values():
        shutil.copyfile(wheel.path, folder / WHEELS / wheel.path.name)
    return Spec(
        pylock=dumps(to_pylock(closure, wheels=first_party(wheels))),
        folder=folder,
        python=interpreter.version,
        implementation=str(interpreter.facts["implementation"]),
        indexes=tuple((one.name, one.url) for one in declared_indexes(project) if one.url),
    )
