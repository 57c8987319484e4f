"""Applying what was proven to the project's lock: that one file, by uv, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from holdfast.errors import InputError
from holdfast.model import Model
from holdfast.patch.patch import Wanted
from holdfast.project.discover import project_above
from holdfast.redact import redact
from holdfast.seal.digest import inside
from holdfast.uv import run_uv


def apply(model: Model, wanted: Iterable[Wanted], folder: Path, *, force: bool = False) -> Path:
    """Give the lock of the project in `folder` the wanted versions; the lock's path.

    Args:
        model: The model that they were proven with.
        wanted: As `Patched.safe` has them.
        folder: In the project.
        force: Also where the project's lock is not the one that was sealed.

    Raises:
        InputError: There is no lock there, or it is another one.
        ToolError: The project does not allow one of the versions.
    """
    project = project_above(folder)
    if project is None or not project.lockfile.is_file():
        raise InputError(f"{folder} is in no project with a uv.lock", hint="--project names one")
    sealed = inside(model.path, "holdfast/project/uv.lock")
    text = redact(project.lockfile.read_text(encoding="utf-8"))
    if not force and (not sealed.is_file() or sealed.read_text(encoding="utf-8") != text):
        raise InputError(
            f"{project.lockfile} is not the lock that {model.uri} was sealed with: what was proven "
            "says nothing of it",
            hint="check out the commit that the model was trained at, or --force",
        )
    upgrades = [part for one in wanted for part in ("--upgrade-package", str(one))]
    run_uv(["lock", "--quiet", *upgrades], cwd=project.root, timeout=300)
    return project.lockfile
