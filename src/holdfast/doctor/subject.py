"""What is examined: the project, its lock and its environment, each read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.capture.locked import read_lock, roots_of
from holdfast.environment.layout import open_layout
from holdfast.environment.python import Interpreter, read_facts
from holdfast.errors import HoldfastError
from holdfast.lock.closure import Closure, production_closure
from holdfast.lock.graph import LockedPackage, LockGraph
from holdfast.project.discover import Project
from holdfast.project.installed import Installed, installed_distributions
from holdfast.project.settings import Settings, readable_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A project, as far as it could be read.

    Attributes:
        settings: What it wants of its seals.
        problems: What is wrong with those settings.
        graph: Its lock, None where there is none to use.
        without_lock: Why there is none.
        closure: What of the lock a model needs, None where that cannot be said.
        without_closure: Why it cannot.
        environment: The folder of its environment, whether it is there or not.
        python: The environment's interpreter, None where there is none.
        installed: What is installed there, by name.
    """

    project: Project
    settings: Settings
    problems: tuple[str, ...]
    graph: LockGraph | None
    without_lock: str
    closure: Closure | None
    without_closure: str
    environment: Path
    python: Interpreter | None
    installed: Mapping[str, Installed]

    def selected(self) -> Mapping[str, LockedPackage]:
        """What of the closure this environment's Python wants; nothing where that is not known."""
        if self.closure is None or self.python is None:
            return {}
        try:
            return self.closure.select(self.python.facts["markers"])
        except HoldfastError:
            return {}


def read_subject(project: Project) -> Subject:
    """Read all there is; what cannot be read is left for the checks to say."""
    settings, problems = readable_settings(*project.pyprojects)
    graph, without_lock = read_lock(project)
    closure, without_closure = _closure(graph, project, settings)
    environment = project.environment
    return Subject(
        project=project,
        settings=settings,
        problems=problems,
        graph=graph,
        without_lock=without_lock,
        closure=closure,
        without_closure=without_closure,
        environment=environment,
        python=_python(environment),
        installed=installed_distributions(map(str, _packages(environment))),
    )


def _closure(
    graph: LockGraph | None, project: Project, settings: Settings
) -> tuple[Closure | None, str]:
    """As a seal has it (capture/gather.py)."""
    if graph is None:
        return None, ""
    try:
        return production_closure(
            graph,
            roots=roots_of(graph, project),
            extras=settings.extras,
            groups=(*settings.groups, *project.default_groups),
            prune=("holdfast", *settings.exclude),
        ), ""
    except HoldfastError as error:
        return None, error.message


def _python(environment: Path) -> Interpreter | None:
    program = environment / "bin" / "python"
    if not program.exists():
        return None
    try:
        facts = read_facts(program, open_layout(None).pythons)
    except HoldfastError:
        return None
    return Interpreter(path=program, facts=facts, exact=True)


def _packages(environment: Path) -> list[Path]:
    return sorted(environment.glob("lib/python*/site-packages"))
