"""The one folder that Holdfast keeps things in: `HOLDFAST_HOME`, else the user's cache folder.

And where it puts what is not to be kept.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from holdfast.errors import StoreError

_IN_MEMORY = "/dev/shm"  # noqa: S108 - only for folders of our own, made with mkdtemp


def home() -> Path:
    """Holdfast's folder, made (mode 0700) if it is not there.

    Raises:
        StoreError: It cannot be made, belongs to another user, or others may write in it: what
            lies there is run, so only its user may write it, or root, whose it is in an image.
    """
    named = os.environ.get("HOLDFAST_HOME")
    if named:
        folder = Path(named).absolute()
    else:
        from platformdirs import user_cache_path

        folder = user_cache_path("holdfast")
    if not folder.is_absolute():  # no HOME, and nobody knows the user's: "~" stays as it is
        folder = Path(tempfile.gettempdir(), f"holdfast-{os.geteuid()}")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be used: {error.strerror}",
            hint="set HOLDFAST_HOME to a folder of your own on a disk with room",
        ) from error
    if not is_trusted(found) or stat.S_IMODE(found.st_mode) & 0o022 or _is_led(folder):
        raise StoreError(
            f"{folder} can be written by somebody else; what lies there is run",
            hint=f"chmod go-w {folder}, or set HOLDFAST_HOME to a folder of your own",
        )
    return folder


def scratch() -> str:
    """Where temporary files go: where the system has them, else in memory.

    Raises:
        StoreError: Nothing can be written anywhere.
    """
    try:
        return tempfile.gettempdir()
    except FileNotFoundError as error:
        # A container whose root is read only still has this, as a rule.
        if os.access(_IN_MEMORY, os.W_OK):
            return _IN_MEMORY
        raise StoreError(
            "there is no folder here that temporary files could be written to",
            hint="mount one on /tmp (--tmpfs /tmp, an emptyDir), or set TMPDIR",
        ) from error


def is_trusted(found: os.stat_result) -> bool:
    """Whether it is ours, or root's, who decides what code runs here in any case."""
    return found.st_uid in {0, os.geteuid()}


def _is_led(folder: Path) -> bool:
    """Whether it is somebody else's link, which may lead anywhere tomorrow."""
    return folder.is_symlink() and folder.lstat().st_uid not in {0, os.geteuid()}
