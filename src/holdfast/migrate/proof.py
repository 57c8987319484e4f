"""Whether an environment imports what the project's own code imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from holdfast.errors import ToolError
from holdfast.project.discover import Project
from holdfast.project.imports import imported_by, own_names
from holdfast.uv import uv_environment

_SECONDS = 600
# A line for each module, as it is done: one that ends the process loses nothing of the others.
_TRY = """
import importlib, json, os, sys
out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for name in sys.argv[1:]:
    why = ""
    try:
        importlib.import_module(name)
    except BaseException as error:
        why = type(error).__name__ + ": " + str(error).split("\\n")[0]
    out.write(json.dumps([name, why]) + "\\n")
    out.flush()
out.flush()
os._exit(0)
"""


def find_old(folder: Path) -> Path | None:
    """The interpreter of the environment that the project had: its own, else the one that runs."""
    named = [os.environ[name] for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if os.environ.get(name)]
    places = [*(folder / name for name in (".venv", "venv", "env")), *map(Path, named)]
    programs = [place / "bin" / "python" for place in places]
    return next((program for program in programs if program.exists()), None)


def release_of(python: Path) -> str:
    """The release of an interpreter, "3.11"; "" where it does not run."""
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run(
            [str(python), "-c", question],
            capture_output=True, text=True, timeout=60, check=False, env=uv_environment(),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def needed_modules(project: Project, *, surely: bool) -> list[str]:
    """What its code imports of others: neither its own nor the standard library's."""
    others = imported_by(project, surely=surely) - own_names(project) - sys.stdlib_module_names
    return sorted(others)


def try_imports(python: Path, modules: Iterable[str]) -> dict[str, str]:
    """Import each of `modules` with an interpreter; why it failed, "" where it did not.

    Raises:
        ToolError: The interpreter does not run, or does not come to an end.
    """
    todo = list(modules)
    results: dict[str, str] = {}
    while todo:
        done = _run(python, todo)
        results |= dict(done)
        todo = todo[len(done) :]
        if todo:
            results[todo.pop(0)] = "the interpreter ended"
    return results


def _run(python: Path, modules: Iterable[str]) -> list[tuple[str, str]]:
    try:
        done = subprocess.run(
            # -P would be the word for it, from Python 3.11 on: nothing of this folder is imported.
            [str(python), "-I", "-c", _TRY, *modules],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env=_environment(),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{python} cannot be asked what it imports: {error}") from error
    return [(name, why) for name, why in map(json.loads, done.stdout.splitlines())]


def _environment() -> Mapping[str, str]:
    return {**uv_environment(), "PYTHONDONTWRITEBYTECODE": "1"}
