"""A copy of a project, to try things in: its own files, without environments and what it made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from holdfast.project.modules import is_environment

_LARGEST = 20 << 20
_LEFT_OUT = frozenset((
    ".git", ".hg", ".svn", ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache",
    "__pycache__", "node_modules", "mlruns", "mlartifacts", "build", "dist",
))  # fmt: skip
_MOST_NEIGHBOURS = 500


@contextmanager
def copied(folder: Path) -> Iterator[Path]:
    """A copy of the project, named as it is; what stands beside it is seen from it, too."""
    with TemporaryDirectory(prefix="holdfast-migrate-") as temporary:
        beside = Path(temporary).resolve() / "beside"
        beside.mkdir()
        for one in sorted(folder.parent.iterdir())[:_MOST_NEIGHBOURS]:
            if one.name != folder.name:
                (beside / one.name).symlink_to(one)
        copy = beside / folder.name
        shutil.copytree(folder, copy, symlinks=True, ignore=_ignored)
        yield copy


def _ignored(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name in _LEFT_OUT or _is_left_out(Path(folder) / name)}


def _is_left_out(path: Path) -> bool:
    if path.is_symlink():
        return False
    if path.is_dir():
        return is_environment(path)
    return not path.is_file() or path.stat().st_size > _LARGEST
