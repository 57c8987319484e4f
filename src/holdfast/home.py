"""The one folder that Holdfast keeps things in: `HOLDFAST_HOME`, else the user's cache folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from holdfast.errors import StoreError


def home() -> Path:
    """Holdfast's folder, made (mode 0700) if it is not there.

    Raises:
        StoreError: It cannot be made, belongs to somebody else, or others may write in it: what
            lies there is run, so only its user may write it.
    """
    named = os.environ.get("HOLDFAST_HOME")
    if named:
        folder = Path(named).absolute()
    else:
        from platformdirs import user_cache_path

        folder = user_cache_path("holdfast")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be used: {error.strerror}",
            hint="set HOLDFAST_HOME to a folder of your own on a disk with room",
        ) from error
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
        raise StoreError(
            f"{folder} can be written by somebody else; what lies there is run",
            hint=f"chmod go-w {folder}, or set HOLDFAST_HOME to a folder of your own",
        )
    return folder
