"""The project's own files, as far as they say what a model needs: `holdfast/project/` in a seal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from holdfast.capture.material import Material
from holdfast.project.discover import Project
from holdfast.project.script import write_block
from holdfast.redact import redact
from holdfast.seal.store import write_file

_TABLES = ("project", "build-system", "dependency-groups")
_OF_SCRIPTS = ("requires-python", "dependencies")
_BUILD_VARIABLES = "extra-build-variables"


def write_project(folder: Path, material: Material) -> None:
    """Write them into the model in `folder`, credentials taken out; a corrupt lock is not kept."""
    project = material.project
    if project is None:
        return
    texts = _own_words(project)
    for path in (project.lockfile, project.root / ".python-version"):
        if path.is_file() and (path != project.lockfile or material.lock_is_sound):
            texts[path.name] = path.read_text(encoding="utf-8", errors="replace")
    for name, text in texts.items():
        write_file(folder / "holdfast" / "project" / name, redact(text).encode())


def _own_words(project: Project) -> dict[str, str]:
    """What the project says of itself: in `pyproject.toml`, or in a script's first lines."""
    if project.script is not None:
        return {project.script.name: write_block(_that_matter(project.pyproject, _OF_SCRIPTS))}
    return {"pyproject.toml": tomli_w.dumps(_that_matter(project.root_pyproject, _TABLES))}


def _that_matter(said: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """What says what a model needs; what other tools keep there is not ours to copy."""
    tools = said.get("tool", {})
    kept = {key: said[key] for key in keys if key in said}
    tool = {key: tools[key] for key in ("uv", "holdfast") if key in tools}
    if _BUILD_VARIABLES in tool.get("uv", {}):
        tool["uv"] = {**tool["uv"], _BUILD_VARIABLES: _names(tool["uv"][_BUILD_VARIABLES])}
    return kept | {"tool": tool}


def _names(variables: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """By package, the variables that its build is given; their values may be anybody's secret."""
    return {package: dict.fromkeys(given, "****") for package, given in variables.items()}
