"""What is audited, read once: a model and its sealed lock, or a project and its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

import tomli
from packaging.specifiers import SpecifierSet

from holdfast.audit.locked import Locked, of_graph, of_pylock
from holdfast.capture.locked import read_lock as read_project_lock
from holdfast.capture.locked import roots_of
from holdfast.errors import HoldfastError, LockError
from holdfast.lock.closure import production_closure
from holdfast.lock.graph import LockGraph
from holdfast.lock.pylock import loads
from holdfast.mlflow_store import local_folder
from holdfast.model import Model, open_model
from holdfast.progress import Progress
from holdfast.project.discover import Project, project_above
from holdfast.project.indexes import declared_indexes
from holdfast.project.settings import readable_settings
from holdfast.restore.lock import read_lock
from holdfast.seal.seal import SealedIndex

_MINORS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """See the module.

    Attributes:
        named: The model's URI, or the project's folder.
        title: The project's name.
        version: The project's.
        lock_name: "pylock.toml" or "uv.lock".
        lock_text: What stands in it.
        locked: Its packages.
        indexes: Those that the project declares.
        python: The oldest release that it is for, "3.11".
        created: When it was sealed; of a project, now.
        model: The model, if it is one.
        project: The project, if it is one.
    """

    named: str
    title: str
    version: str
    lock_name: str
    lock_text: str
    locked: tuple[Locked, ...]
    indexes: tuple[SealedIndex, ...]
    python: str
    created: datetime
    model: Model | None = None
    project: Project | None = None


def read_subject(named: str, *, offline: bool, on_progress: Progress) -> Subject:
    """The model or project that `named` names: a folder without a model in it is a project's.

    Raises:
        HoldfastError: It is neither, or its lock cannot be had; each leaf says why.
    """
    folder = local_folder(named) if named else None
    if folder is not None and folder.is_dir() and not (folder / "MLmodel").is_file():
        project = project_above(folder)
        if project is not None:
            return _of_project(project)
    return _of_model(open_model(named), offline=offline, on_progress=on_progress)


def _of_model(model: Model, *, offline: bool, on_progress: Progress) -> Subject:
    model.check_recorded()
    seal = model.seal
    text = read_lock(model, offline=offline, on_progress=on_progress)
    loads(text)  # it may be anything; what PEP 751 allows is read below
    return Subject(
        named=model.uri,
        title=seal.project.name or "model",
        version=seal.project.version,
        lock_name="pylock.toml",
        lock_text=text,
        locked=of_pylock(tomli.loads(text), seal.indexes),
        indexes=seal.indexes,
        python=".".join(seal.python.version.split(".")[:2]),
        created=datetime.fromisoformat(seal.created.replace("Z", "+00:00")),
        model=model,
    )


def _of_project(project: Project) -> Subject:
    graph, why = read_project_lock(project)
    if graph is None:
        raise LockError(why, hint=project.lock_command)
    indexes = declared_indexes(project)
    return Subject(
        named=str(project.folder),
        title=project.name or project.folder.name,
        version=project.version,
        lock_name=project.lockfile.name,
        lock_text=project.lockfile.read_text(encoding="utf-8"),
        locked=of_graph(graph, _production(graph, project), indexes),
        indexes=indexes,
        python=_oldest(graph.requires_python),
        created=datetime.now(timezone.utc),
        project=project,
    )


def _production(graph: LockGraph, project: Project) -> frozenset[int]:
    """What of it models get, as a seal has it; all of it, where that cannot be said."""
    settings, _ = readable_settings(*project.pyprojects)
    try:
        closure = production_closure(
            graph,
            roots=roots_of(graph, project),
            extras=settings.extras,
            groups=(*settings.groups, *project.default_groups),
            prune=("holdfast", *settings.exclude),
        )
    except HoldfastError:
        return frozenset(range(len(graph.packages)))
    return frozenset(one.place for one in closure.packages)


def _oldest(requires_python: str) -> str:
    """The first minor release that the lock allows."""
    allowed = SpecifierSet(requires_python)
    minors = (f"3.{minor}" for minor in range(_MINORS))
    # Any patch release of it will do: ">=3.10.4" is for 3.10.
    return next((one for one in minors if allowed.contains(f"{one}.99")), "3")
