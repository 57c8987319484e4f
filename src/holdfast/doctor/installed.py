"""Checks of what is installed: it is what the lock says, on the Python that the project wants."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.specifiers import SpecifierSet

from holdfast.doctor.finding import Finding, Level
from holdfast.doctor.subject import Subject
from holdfast.lock.diff import drift
from holdfast.project.installed import Installed

# What its pyproject.toml asks for: the oldest MLflow that Holdfast seals with.
_OLDEST_MLFLOW = "2.14"
_MLFLOW = ("mlflow", "mlflow-skinny")
_SHOWN = 5


def check_environment(subject: Subject) -> Iterator[Finding]:
    """That there is one, and that it holds what the lock says."""
    if subject.python is None:
        yield Finding(
            name="not-installed",
            level=Level.WARNING,
            message=f"there is no environment at {_relative(subject)}",
            fix="uv sync",
            commands=(("sync",),) if subject.graph is not None else (),
        )
        return
    locked = {
        name: one.version
        for name, one in subject.selected().items()
        if one.version is not None and one.source.kind != "virtual"
    }
    installed = {name: one.version for name, one in subject.installed.items() if name in locked}
    found = drift(locked, installed)
    differs = [
        *(f"{name} {version} is not installed" for name, version in found.missing),
        *(f"{one.name} is {one.installed}, locked {one.locked}" for one in found.changed),
    ]
    if differs:
        more = f", and {len(differs) - _SHOWN} more" if len(differs) > _SHOWN else ""
        yield Finding(
            name="drift",
            level=Level.ERROR,
            message=f"installed is not what the lock says: {', '.join(differs[:_SHOWN])}{more}",
            fix="uv sync",
            commands=(("sync", "--inexact"),),
        )


def check_strays(subject: Subject) -> Iterator[Finding]:
    """That nothing is installed which the lock does not know: a model may have used it."""
    if subject.graph is None or subject.python is None:
        return
    known = {one.name for one in subject.graph.packages} | {"pip", "setuptools", "wheel", "uv"}
    strays = sorted(subject.installed.keys() - known)
    if strays:
        shown = ", ".join(strays[:_SHOWN]) + (" …" if len(strays) > _SHOWN else "")
        yield Finding(
            name="strays",
            level=Level.ERROR,
            message=f"installed, and not in the lock: {shown}",
            fix="`uv add` what the project needs, then `uv sync`, which takes away the rest",
        )


def check_python(subject: Subject) -> Iterator[Finding]:
    """That everybody gets the same Python."""
    project = subject.project
    pin = _pin(subject)
    if project.script is None and not pin:
        minor = ".".join(subject.python.version.split(".")[:2]) if subject.python else "3.12"
        yield Finding(
            name="python-unpinned",
            level=Level.WARNING,
            message=f"no .python-version: uv takes any Python "
            f"{(subject.graph.requires_python if subject.graph else '') or 'it finds'}",
            fix=f"uv python pin {minor}",
            commands=(("python", "pin", minor),) if subject.python else (),
        )
    elif subject.python and not _is(subject.python.version, pin):
        yield Finding(
            name="python-differs",
            level=Level.ERROR,
            message=f"the environment's Python is {subject.python.version}; .python-version "
            f"says {pin}",
            fix="uv sync",
            commands=(("sync",),),
        )


def check_mlflow(subject: Subject) -> Iterator[Finding]:
    """That models are logged by an MLflow that Holdfast knows, with Holdfast beside it."""
    if subject.python is None:
        return
    mlflow = {name: subject.installed[name] for name in _MLFLOW if name in subject.installed}
    if not mlflow:
        yield Finding(
            name="mlflow-missing",
            level=Level.ERROR,
            message="MLflow is not installed: nothing logs a model",
            fix="uv add mlflow",
        )
    for name, one in mlflow.items():
        if not SpecifierSet(f">={_OLDEST_MLFLOW}").contains(one.version, prereleases=True):
            yield Finding(
                name="mlflow-old",
                level=Level.ERROR,
                message=f"{name} is {one.version}; Holdfast seals with {_OLDEST_MLFLOW} or newer",
                fix=f'uv add "{name}>={_OLDEST_MLFLOW}"',
            )
    if len({one.version for one in mlflow.values()}) > 1:
        said = " and ".join(f"{name} {one.version}" for name, one in mlflow.items())
        yield Finding(
            name="mlflow-mixed",
            level=Level.ERROR,
            message=f"{said} are installed over each other",
            fix=f"uv add mlflow-skinny=={mlflow['mlflow'].version}",
        )
    holdfast = subject.installed.get("holdfast")
    if holdfast is None:
        yield Finding(
            name="holdfast-missing",
            level=Level.ERROR,
            message="Holdfast is not installed in the project's environment: nothing is sealed",
            fix="uv add holdfast, from where this one came",
        )
    elif not _is_this_one(holdfast):
        yield Finding(
            name="holdfast-stranger",
            level=Level.ERROR,
            message=f"holdfast {holdfast.version} there is another project of that name: nothing "
            "is sealed",
            fix="bind the name to where this one came from, in [tool.uv.sources]",
        )


def _is_this_one(holdfast: Installed) -> bool:
    """Whether MLflow finds the entry point that seals; an editable one has it in its notes, too."""
    try:
        points = (holdfast.dist_info / "entry_points.txt").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return "mlflow.run_context_provider" in points


def _pin(subject: Subject) -> str:
    for folder in (subject.project.folder, subject.project.root):
        path = folder / ".python-version"
        if path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            return next((one.strip() for one in lines if one.strip()[:1].isdigit()), "")
    return ""


def _is(version: str, pin: str) -> bool:
    """Whether "3.11.7" is what "3.11" or "3.11.7" names; other pins name no number."""
    return f"{version}.".startswith(f"{pin}.")


def _relative(subject: Subject) -> str:
    return subject.environment.name
