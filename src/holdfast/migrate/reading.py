"""What kinds of files a project has, and what all of them together ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import tomli
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from holdfast.errors import InputError
from holdfast.migrate.by_tool import read_pipenv, read_poetry
from holdfast.migrate.conda import find_environment, read_environment
from holdfast.migrate.requirement_files import find_files, read_files
from holdfast.migrate.setuptools_project import is_setuptools, read_setuptools
from holdfast.migrate.wanted import OWN, Wanted, pinned, relative


def read_project(copy: Path) -> tuple[tuple[str, ...], Wanted]:
    """What kinds of files there are, and what they ask for, read in a copy of the project.

    Poetry and Pipenv say all of it. Else a project of its own may be there, which conda's and
    pip's files add to.

    Args:
        copy: A copy of the project; `pyproject.toml` is written there, where a tool does that.

    Raises:
        InputError: There is nothing to migrate, or a file cannot be read.
        ToolError: migrate-to-uv or the project's own build fails.
    """
    pyproject = _pyproject(copy)
    tool = pyproject.get("tool", {})
    if (copy / "uv.lock").is_file() or ("uv" in tool and "project" in pyproject):
        raise InputError(
            f"{copy.name} is a uv project already", hint="`holdfast doctor` says how it is doing"
        )
    if "poetry" in tool:
        return ("Poetry",), read_poetry(copy)
    if (copy / "Pipfile").is_file():
        return ("Pipenv",), read_pipenv(copy)
    found, wanted = _base(copy, pyproject)
    more, wanted = _added(copy, wanted)
    found += more
    if not found:
        raise InputError(
            f"there is nothing to migrate in {copy.name}: no requirement files, Pipfile, "
            "pyproject.toml, setup.py or environment.yml",
            hint="`holdfast init` makes a new project",
        )
    return found, _without_pins(copy, wanted)


def _base(copy: Path, pyproject: Mapping[str, Any]) -> tuple[tuple[str, ...], Wanted]:
    """What the project says of itself as a package; nothing where it is a folder of scripts."""
    project = pyproject.get("project")
    if project is not None:
        if "dependencies" in project.get("dynamic", ()):
            raise InputError(
                "pyproject.toml leaves its dependencies to its build (dynamic)",
                hint='write them into [project], take "dependencies" out of dynamic, do it again',
            )
        return ("pyproject.toml",), Wanted()
    if is_setuptools(copy):
        return ("setuptools",), read_setuptools(copy)
    return (), Wanted()


def _added(copy: Path, wanted: Wanted) -> tuple[tuple[str, ...], Wanted]:
    """What conda's and pip's files add to it."""
    found: tuple[str, ...] = ()
    files = find_files(copy)
    environment = find_environment(copy)
    if environment is not None:
        found += ("conda",)
        wanted += read_environment(environment)
        others = sorted({*copy.glob("environment*.y*ml")} - {environment})
        if others:
            note = f"not read, as another way to the same: {', '.join(one.name for one in others)}"
            wanted += Wanted(notes=(note,))
        # conda's file includes pip's, or stands beside it as another way to the same.
        beside = [path for path, group in files.items() if group == OWN]
        left = [path.name for path in beside if relative(copy, path) not in wanted.files]
        if left:
            note = f"{', '.join(left)} is left as it is: {environment.name} says what is needed"
            wanted += Wanted(notes=(note,))
        files = {path: group for path, group in files.items() if path not in beside}
    if files:
        found += ("pip-tools" if "lock" in files.values() else "pip",)
        wanted += read_files(copy, files)
    return found, wanted


def _without_pins(copy: Path, wanted: Wanted) -> Wanted:
    """Without `name==version` of what the project itself asks for: that is for the lock only."""
    asked = {
        canonicalize_name(Requirement(str(line)).name)
        for line in _pyproject(copy).get("project", {}).get("dependencies", ())
    }
    lines = tuple(
        line
        for line in wanted.requirements.get(OWN, ())
        if (exact := pinned(line)) is None or exact[0] not in asked
    )
    return replace(wanted, requirements={**wanted.requirements, OWN: lines})


def _pyproject(copy: Path) -> Mapping[str, Any]:
    path = copy / "pyproject.toml"
    try:
        return tomli.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (UnicodeDecodeError, tomli.TOMLDecodeError) as error:
        raise InputError(f"pyproject.toml is not TOML: {error}") from error
