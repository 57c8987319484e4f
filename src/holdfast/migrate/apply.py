"""Writing what was planned into the project: each file whole or not at all, the old ones kept."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

from holdfast.errors import InputError, StoreError
from holdfast.migrate.plan import KEPT, Plan
from holdfast.project.git import read_commit


def check_free(folder: Path, plan: Plan, *, force: bool) -> None:
    """That nothing can be lost: all is committed, and no name for an old file is taken.

    Raises:
        InputError: It is not so.
    """
    if not force and read_commit(folder).dirty:
        raise InputError(
            f"{folder} has changes that are not committed",
            hint="commit them first, so that git can bring everything back; or --force",
        )
    old = [*plan.put_by, *(one.path for one in plan.changes if one.before is not None)]
    taken = [f"{path}{KEPT}" for path in old if (folder / f"{path}{KEPT}").exists()]
    if taken:
        raise InputError(f"{', '.join(taken)} is there already", hint="remove or rename it")


def write(folder: Path, copy: Path, plan: Plan) -> None:
    """Write the files of a plan, and the lock that was made in `copy`; keep the old ones.

    Raises:
        StoreError: A file cannot be written.
    """
    try:
        for one in plan.changes:
            if one.before is not None:
                shutil.copy2(folder / one.path, folder / f"{one.path}{KEPT}")
            _write(folder / one.path, one.after)
        _write(folder / "uv.lock", (copy / "uv.lock").read_text(encoding="utf-8"))
        for path in plan.put_by:
            (folder / path).rename(folder / f"{path}{KEPT}")
    except OSError as error:
        raise StoreError(
            f"{error.filename} cannot be written: {error.strerror}",
            hint=f"the old files are there still, some with {KEPT} after their names",
        ) from error


def _write(path: Path, text: str) -> None:
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".holdfast-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        os.fchmod(handle, mode)
    Path(name).replace(path)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
