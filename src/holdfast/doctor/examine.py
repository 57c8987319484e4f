"""The verb `examine`: all checks in turn, and the commands that mend what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from holdfast.doctor.finding import Examination, Finding, Level
from holdfast.doctor.indexes import check_credentials, check_indexes
from holdfast.doctor.installed import (
    check_environment,
    check_mlflow,
    check_python,
    check_strays,
)
from holdfast.doctor.lock import (
    check_lock,
    check_lock_is_kept,
    check_platforms,
    check_settings,
)
from holdfast.doctor.machine import check_python_here, check_store, check_uv
from holdfast.doctor.needs import (
    check_developers_tools,
    check_git,
    check_undeclared,
    check_unused,
)
from holdfast.doctor.subject import Subject, read_subject
from holdfast.errors import InputError
from holdfast.progress import Progress, silent
from holdfast.project.discover import project_above
from holdfast.uv import run_uv

_CHECKS: tuple[tuple[str, Callable[[Subject], Iterator[Finding]]], ...] = (
    ("uv", check_uv),
    ("the lock", check_lock),
    ("git", check_lock_is_kept),
    ("settings", check_settings),
    ("Python", check_python),
    ("Pythons of this machine", check_python_here),
    ("what is installed", check_environment),
    ("what is installed besides", check_strays),
    ("MLflow", check_mlflow),
    ("developers' tools", check_developers_tools),
    ("imports", check_unused),
    ("imports that nobody asks for", check_undeclared),
    ("dependencies from git", check_git),
    ("indexes", check_indexes),
    ("credentials", check_credentials),
    ("platforms", check_platforms),
    ("the store", check_store),
)
# Mending a lock may bring to light what is installed otherwise.
_MOST_ROUNDS = 3


def examine(folder: Path, *, fix: bool = False, on_progress: Progress = silent) -> Examination:
    """Look whether a project is ready to seal, and this machine to restore it.

    Nothing of the project is imported or run.

    Args:
        folder: In the project.
        fix: Mend what can be mended by uv without a loss: the lock, the environment, the pin.
        on_progress: Told what is looked at.

    Raises:
        InputError: `folder` is in no project, or a file of it cannot be read.
        ToolError: uv could not mend it.
    """
    fixed: list[Finding] = []
    findings = _look(folder, on_progress)
    for _ in range(_MOST_ROUNDS if fix else 0):
        safe = [one for one in findings if one.commands and one not in fixed]
        if not safe:
            break
        for command in dict.fromkeys(command for one in safe for command in one.commands):
            on_progress(f"uv {' '.join(command)}")
            run_uv(command, cwd=folder)
        fixed += safe
        findings = _look(folder, on_progress)
    there = {one.name for one in findings}
    return Examination(
        folder=folder,
        findings=tuple(sorted(findings, key=lambda one: one.level is not Level.ERROR)),
        fixed=tuple(one for one in fixed if one.name not in there),
    )


def _look(folder: Path, on_progress: Progress) -> list[Finding]:
    project = project_above(folder)
    if project is None:
        raise InputError(
            f"{folder} is in no project: no pyproject.toml is there or above",
            hint="`holdfast migrate` makes one of requirements.txt, Pipfile, Poetry's or conda's "
            "files; `holdfast init` a new one",
        )
    subject = read_subject(project)
    findings: list[Finding] = []
    for what, check in _CHECKS:
        on_progress(f"looking at {what}")
        findings += check(subject)
    return findings
