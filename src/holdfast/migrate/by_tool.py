"""Poetry's and Pipenv's projects: `migrate-to-uv` translates their files, in a copy.

Not pip's: of a requirement file it leaves out what `-r`, `-c` and `-e` name and lines with hashes.
The only file that runs it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli

from holdfast.errors import InputError, ToolError
from holdfast.migrate.built import differences, try_build
from holdfast.migrate.wanted import OF_DEVELOPERS, Index, Wanted, pinned, read_index
from holdfast.redact import redact_said

_SECONDS = 60


def read_poetry(copy: Path) -> Wanted:
    """Make `pyproject.toml` of a Poetry project uv's; what else is to be known of it.

    Raises:
        InputError: A file of it cannot be read.
        ToolError: migrate-to-uv is not here, or fails.
    """
    pins, notes = _pins(_poetry_lock(copy / "poetry.lock"))
    notes += tuple(_about_groups(_read_toml(copy / "pyproject.toml")["tool"]["poetry"]))
    before = try_build(copy) if _is_package(copy) else None
    said = tuple(_run(copy, "poetry"))
    after = try_build(copy) if before else None
    if before and after:
        # What migrate-to-uv would have us check.
        said = tuple(differences(before, after))
    return Wanted(
        pins=pins,
        indexes=_indexes(copy),
        notes=(*said, *notes),
        files=("poetry.lock", "poetry.toml"),
    )


def _about_groups(poetry: Mapping[str, Any]) -> Iterator[str]:
    """Poetry installs a group unasked, unless it is optional; a model may have needed it."""
    for name, group in poetry.get("group", {}).items():
        if name not in OF_DEVELOPERS | {"dev"} and not group.get("optional"):
            yield (
                f"the group {name} is in dev now, which models do not bring; where they need it: "
                f'[tool.holdfast] groups = ["{name}"]'
            )


def _is_package(copy: Path) -> bool:
    pyproject = _read_toml(copy / "pyproject.toml")
    return "build-system" in pyproject and pyproject["tool"]["poetry"].get("package-mode", True)


def read_pipenv(copy: Path) -> Wanted:
    """Make a `pyproject.toml` of a Pipfile, in a copy; what else is to be known of it.

    Raises:
        InputError: A file of it cannot be read.
        ToolError: migrate-to-uv is not here, or fails.
    """
    pins, notes = _pins(_pipfile_lock(copy / "Pipfile.lock"))
    scripts = _read_toml(copy / "Pipfile").get("scripts", {})
    said = [*_run(copy, "pipenv"), *notes]
    if scripts:
        commands = ", ".join(f"{name} ({command})" for name, command in scripts.items())
        said.append(f"uv has no [scripts] of a Pipfile's kind: {commands}; `uv run` runs each")
    return Wanted(
        pins=pins,
        indexes=_indexes(copy),
        notes=tuple(said),
        files=("Pipfile", "Pipfile.lock"),
    )


def _indexes(copy: Path) -> tuple[Index, ...]:
    """Those that it has written, with the credentials that their URLs still have."""
    uv = _read_toml(copy / "pyproject.toml").get("tool", {}).get("uv", {})
    return tuple(read_index(one["url"], "extra", one["name"]) for one in uv.get("index", ()))


def _run(copy: Path, manager: str) -> Iterator[str]:
    """Run it; its warnings. Its own lock is not wanted: ours keeps the versions of every tool."""
    scripts = sysconfig.get_path("scripts")
    program = shutil.which("migrate-to-uv", path=scripts) or shutil.which("migrate-to-uv")
    if program is None:
        raise ToolError(
            "reading Poetry's and Pipenv's files needs a program that is not here: migrate-to-uv",
            hint="uv tool install 'holdfast[migrate]', or uv add 'holdfast[migrate]'",
        )
    # Groups that are not `dev` would be the model's, as uv's default groups are.
    options = ["--skip-lock", "--dependency-groups-strategy", "include-in-dev"]
    try:
        done = subprocess.run(
            [program, *options, "--package-manager", manager, str(copy)],
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"migrate-to-uv cannot be run: {error}") from error
    said = redact_said(f"{done.stdout}\n{done.stderr}", os.environ).strip()
    if done.returncode != 0:
        raise ToolError(f"migrate-to-uv failed: {said}")
    warnings = [line for line in said.splitlines() if line.startswith("warning: ")]
    return (line.removeprefix("warning: ") for line in warnings)


def _pins(locked: Iterator[tuple[str, str]]) -> tuple[dict[str, str], tuple[str, ...]]:
    """One version for each name; of a package that is locked in several, none is kept."""
    versions: dict[str, set[str]] = defaultdict(set)
    for name, version in locked:
        versions[name].add(version)
    several = sorted(name for name, found in versions.items() if len(found) > 1)
    note = f"locked in a version for each platform or Python; uv chooses: {', '.join(several)}"
    pins = {name: found.pop() for name, found in versions.items() if len(found) == 1}
    return pins, (note,) if several else ()


def _poetry_lock(path: Path) -> Iterator[tuple[str, str]]:
    for package in _read_toml(path).get("package", ()):
        # What comes from git, a URL or a folder has the version that is there.
        if "source" not in package or package["source"].get("type") == "legacy":
            locked = pinned(f"{package['name']}=={package['version']}")
            yield from [locked] if locked else []


def _pipfile_lock(path: Path) -> Iterator[tuple[str, str]]:
    if not path.is_file():
        return
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name} cannot be read: {error}") from error
    for section in ("default", "develop"):
        for name, package in lock.get(section, {}).items():
            locked = pinned(f"{name}{package.get('version', '')}")
            yield from [locked] if locked else []


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomli.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, UnicodeDecodeError, tomli.TOMLDecodeError) as error:
        raise InputError(f"{path.name} cannot be read: {error}") from error
