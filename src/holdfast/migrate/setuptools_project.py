"""A project of setup.py or setup.cfg: its build stays setuptools', its needs become pyproject's.

What uv has to read and change (name, Python, dependencies, extras) goes to `[project]`; all the
rest (version, readme, scripts, packages and their data) stays where it is, as `dynamic`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomlkit
from packaging.requirements import Requirement

from holdfast.errors import HoldfastError, ToolError
from holdfast.migrate.built import Built, build, differences, try_build
from holdfast.migrate.wanted import Wanted

_OLDEST = "setuptools>=61"  # the first that reads [project] (PEP 621)
_TOO_OLD = "60.99"
_BACKEND = "setuptools.build_meta"
# The core metadata field, and what PEP 621 calls it.
_DYNAMIC = {
    "Version": "version",
    "Summary": "description",
    "Description-Content-Type": "readme",
    "License": "license",
    "License-Expression": "license",
    "Author": "authors",
    "Author-email": "authors",
    "Maintainer": "maintainers",
    "Maintainer-email": "maintainers",
    "Keywords": "keywords",
    "Classifier": "classifiers",
    "Home-page": "urls",
    "Project-URL": "urls",
}
_SCRIPTS = {"console_scripts": "scripts", "gui_scripts": "gui-scripts"}


def is_setuptools(folder: Path) -> bool:
    """Whether setuptools could build it, and pyproject.toml says nothing of the project."""
    if not any((folder / name).is_file() for name in ("setup.py", "setup.cfg")):
        return False
    config = folder / "setup.cfg"
    return (folder / "setup.py").is_file() or "[metadata]" in config.read_text(encoding="utf-8")


def read_setuptools(copy: Path) -> Wanted:
    """Write `[project]` of what the project's own build says, in a copy.

    Raises:
        ToolError: It cannot be built.
    """
    try:
        built = build(copy)
    except HoldfastError as error:
        raise ToolError(
            f"setup.py does not build, so nobody can say what it asks for: {error.message}",
            hint="mend its build, or write [project] in pyproject.toml by hand",
        ) from error
    path = copy / "pyproject.toml"
    document = tomlkit.parse(path.read_text(encoding="utf-8") if path.is_file() else "")
    document["project"] = _project(built)
    system = document.setdefault("build-system", {})
    system["requires"] = _requires(system.get("requires", ()))
    system["build-backend"] = system.get("build-backend", _BACKEND)
    path.write_text(tomlkit.dumps(document), encoding="utf-8")
    after = try_build(copy)
    if after is None and system["build-backend"] == _BACKEND:
        # A setup.py that imports what stands beside it (PEP 517's legacy backend does let it).
        system["build-backend"] = f"{_BACKEND}:__legacy__"
        path.write_text(tomlkit.dumps(document), encoding="utf-8")
        after = build(copy)
    note = (
        "setuptools still builds it: setup.py says what is packaged, but dependencies, extras and "
        "the Python are pyproject.toml's from here"
    )
    return Wanted(notes=(note, *(differences(built, after) if after else ())))


def _project(built: Built) -> dict[str, Any]:
    project: dict[str, Any] = {"name": built.name}
    if built.requires_python:
        project["requires-python"] = built.requires_python
    project["dynamic"] = _dynamic(built)
    project["dependencies"] = _lines(built.requires)
    if built.extras:
        project["optional-dependencies"] = {
            extra: _lines(needs) for extra, needs in built.extras.items()
        }
    return project


def _dynamic(built: Built) -> list[str]:
    sections = [
        line.strip()[1:-1] for line in built.entry_points.splitlines() if line.startswith("[")
    ]
    found = [_DYNAMIC[name] for name in _DYNAMIC if name in built.fields]
    found += [_SCRIPTS.get(section, "entry-points") for section in sections]
    return list(dict.fromkeys(found))


def _lines(needs: tuple[str, ...]) -> Any:
    array = tomlkit.array()
    array.extend(needs)
    return array.multiline(multiline=bool(needs))


def _requires(given: Iterable[Any]) -> list[str]:
    """With a setuptools that reads `[project]`; "wheel", which it has no need of, stays."""
    lines = [str(one) for one in given]
    kept = [one for one in lines if not _is_too_old(Requirement(one))]
    own = any(Requirement(one).name == "setuptools" for one in kept)
    return kept if own else [_OLDEST, *kept]


def _is_too_old(one: Requirement) -> bool:
    return one.name == "setuptools" and one.specifier.contains(_TOO_OLD)
