"""The commit that a project stands at. The only file that runs git."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit's id, and whether files that git tracks differ from it."""

    id: str = ""
    dirty: bool = False


def read_commit(folder: Path) -> Commit:
    """The commit of the repository that `folder` is in; an empty one where there is none."""
    status = _git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    lines = status.splitlines()
    oid = next((line.split()[2] for line in lines if line.startswith("# branch.oid ")), "")
    if oid == "(initial)":
        oid = ""
    return Commit(id=oid, dirty=any(not line.startswith("#") for line in lines))


def _git(folder: Path, *arguments: str) -> str:
    """What git says, or "" where it is not there or knows nothing."""
    program = shutil.which("git")
    if program is None:
        return ""
    # No hook, pager, editor or file-system monitor of that repository's may run.
    command = [program, "-c", "core.fsmonitor=false", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
