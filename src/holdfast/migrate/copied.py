"""A copy of a project, to try things in: its own files, without environments and what it made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from holdfast.errors import InputError
from holdfast.project.modules import is_environment

_LARGEST = 20 << 20
_LEFT_OUT = frozenset((
    ".git", ".hg", ".svn", ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache",
    "__pycache__", "node_modules", "mlruns", "mlartifacts",
))  # fmt: skip
# Of the folder itself only: deeper down they are somebody's packages.
_MADE_BY_BUILDS = ("build", "dist")
_MOST_NEIGHBOURS = 500
# With these, uv would take the copy for a part of the workspace around it, and write there.
_NOT_SEEN = frozenset(("pyproject.toml", "uv.lock", "uv.toml", ".python-version"))


@contextmanager
def copied(folder: Path) -> Iterator[Path]:
    """A copy of the project, named as it is; what stands beside it is seen from it, too.

    Raises:
        InputError: It cannot be read.
    """
    with TemporaryDirectory(prefix="holdfast-migrate-") as temporary:
        beside = Path(temporary).resolve() / "beside"
        beside.mkdir()
        copy = beside / (folder.name or "project")
        try:
            for one in sorted(folder.parent.iterdir())[:_MOST_NEIGHBOURS]:
                if one.name != folder.name and one.name not in _NOT_SEEN:
                    (beside / one.name).symlink_to(one)
            shutil.copytree(folder, copy, symlinks=True, ignore=partial(_ignored, folder))
        except OSError as error:
            raise InputError(f"{folder} cannot be read: {error}") from error
        yield copy


def _ignored(root: Path, folder: str, names: list[str]) -> set[str]:
    left_out = {*_LEFT_OUT, *(_MADE_BY_BUILDS if Path(folder) == root else ())}
    return {name for name in names if name in left_out or _is_left_out(Path(folder) / name)}


def _is_left_out(path: Path) -> bool:
    if path.is_symlink():
        return False
    if path.is_dir():
        return is_environment(path)
    return not path.is_file() or path.stat().st_size > _LARGEST
