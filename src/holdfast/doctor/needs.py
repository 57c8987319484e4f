"""Checks of what the project asks for: only what its models need, and always the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from holdfast.doctor.finding import Finding, Level
from holdfast.doctor.subject import Subject
from holdfast.project.imports import imported_by, modules_of

# Who needs them is a person, or CI: never a model.
_FOR_DEVELOPERS = frozenset((
    "autopep8", "bandit", "black", "build", "coverage", "flake8", "hatch", "hypothesis",
    "ipykernel", "ipython", "isort", "jupyter", "jupyterlab", "mkdocs", "mkdocs-material", "mypy",
    "nbclient", "nbconvert", "notebook", "nox", "pip-tools", "poetry", "pre-commit", "pylint",
    "pyright", "pytest", "pytest-asyncio", "pytest-cov", "pytest-mock", "pytest-xdist", "ruff",
    "safety", "sphinx", "tox", "twine", "virtualenv",
))  # fmt: skip
# They are there for what others do with them, not to be imported by the project.
_NEVER_IMPORTED = frozenset(("holdfast", "mlflow", "mlflow-skinny"))


def check_developers_tools(subject: Subject) -> Iterator[Finding]:
    """That no tool of developers goes along with every model."""
    for one in production(subject):
        name = canonicalize_name(one.name)
        if name in _FOR_DEVELOPERS:
            yield Finding(
                name="dev-in-production",
                level=Level.WARNING,
                message=f"{one.name} is among the project's dependencies, so every model brings it",
                fix=f"uv remove {one.name} && uv add --dev {_quoted(one)}",
            )


def check_unused(subject: Subject) -> Iterator[Finding]:
    """That what the project asks for is imported somewhere; what nobody installs is not judged."""
    if subject.python is None:
        return
    imported = imported_by(subject.project)
    if not imported:
        return
    for one in production(subject):
        name = canonicalize_name(one.name)
        there = subject.installed.get(name)
        if there is None or name in _FOR_DEVELOPERS | _NEVER_IMPORTED:
            continue
        modules = modules_of(there)
        if modules and not modules & imported:
            yield Finding(
                name="unused",
                level=Level.WARNING,
                message=f"no code of the project imports {one.name}",
                fix=f"uv remove {one.name}, unless another package finds it by itself "
                "(an engine, a plugin)",
            )


def check_undeclared(subject: Subject) -> Iterator[Finding]:
    """That what is imported is asked for, and not only there because something else wants it."""
    if subject.python is None:
        return
    declared = {canonicalize_name(one.name) for one in _all(subject)}
    imported = imported_by(subject.project)
    own = set(subject.graph.members) | {subject.project.name} if subject.graph else set()
    of_others = {
        module
        for name, one in subject.installed.items()
        if name in declared or one.editable or name in own
        for module in modules_of(one)
    }
    found = {
        name: sorted((modules_of(one) & imported) - of_others)
        for name, one in sorted(subject.installed.items())
        if name not in declared and name not in own and not one.editable
    }
    found = {name: modules for name, modules in found.items() if modules}
    if found:
        said = ", ".join(
            f"{module} of {name}" if module != name else name
            for name, modules in found.items()
            for module in modules
        )
        yield Finding(
            name="undeclared",
            level=Level.WARNING,
            message=f"the project imports what only other packages ask for: {said}",
            fix=f"uv add {' '.join(found)}",
        )


def check_git(subject: Subject) -> Iterator[Finding]:
    """That a dependency from git is a commit or a tag, not whatever a branch is tomorrow."""
    for pyproject in subject.project.pyprojects[1:]:
        for name, source in _sources(pyproject):
            if "git" in source and not source.get("rev") and not source.get("tag"):
                branch = (
                    f"branch {source['branch']}" if "branch" in source else "whatever is newest"
                )
                yield _unpinned(name, branch)
    for one in _all(subject):
        if one.url and one.url.startswith("git+") and "@" not in one.url.rpartition("/")[2]:
            yield _unpinned(one.name, "whatever is newest")


def _unpinned(name: str, what: str) -> Finding:
    return Finding(
        name="git-unpinned",
        level=Level.WARNING,
        message=f"{name} comes from git, {what}: the next `uv lock --upgrade` takes another commit",
        fix=f"name a rev or a tag of {name} in [tool.uv.sources]",
    )


def production(subject: Subject) -> list[Requirement]:
    """What `[project] dependencies` asks for."""
    return _read(subject.project.pyproject.get("project", {}).get("dependencies", ()))


def _all(subject: Subject) -> list[Requirement]:
    """What the project asks for anywhere: extras and groups, too."""
    pyproject = subject.project.pyproject
    project = pyproject.get("project", {})
    lists = [
        project.get("dependencies", ()),
        *project.get("optional-dependencies", {}).values(),
        *pyproject.get("dependency-groups", {}).values(),
        pyproject.get("tool", {}).get("uv", {}).get("dev-dependencies", ()),
    ]
    return [one for each in lists for one in _read(each)]


def _read(lines: Iterable[Any]) -> list[Requirement]:
    return [found for line in lines if (found := _requirement(line))]


def _requirement(line: Any) -> Requirement | None:
    """None for what uv refuses, too, and says why; and for a group that includes another."""
    try:
        return Requirement(line)
    except (InvalidRequirement, TypeError):
        return None


def _sources(pyproject: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    table = pyproject.get("tool", {}).get("uv", {}).get("sources", {})
    for name, source in table.items():
        for one in source if isinstance(source, list) else [source]:
            if isinstance(one, dict):
                yield name, one


def _quoted(one: Requirement) -> str:
    text = str(one)
    return f"'{text}'" if set(text) & set("<>=!~;[ ") else text
