"""Wheels that are kept in Holdfast's folder from one log to the next."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def keep(folder: Path, name: str, write: Callable[[Path], object]) -> Path:
    """A wheel in a folder of its own, which is there whole or not at all; its path.

    Args:
        folder: Named by what the wheel is made of: two who make it at once make the same.
        name: The wheel's file name.
        write: Writes the file at the path it is given.
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    try:
        write(private / name)
        private.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was first
            raise
    finally:
        shutil.rmtree(private, ignore_errors=True)
    return next(folder.glob("*.whl"))
