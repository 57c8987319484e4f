"""`uv lock --check`: is the lock what `pyproject.toml` asks for?

It takes as long as all else at log time together. So it is started first, runs beside the rest, and
is asked last.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

from holdfast.project.discover import Project
from holdfast.uv import start_uv

_SECONDS = 60


class LockCheck:
    """One check under way; whoever starts it closes it.

    Attributes:
        stale: Whether the lock is not what is asked for; known after `complaint`.
    """

    def __init__(
        self,
        project: Project | None,
        python: str = sys.executable,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._project = project
        self.stale = False
        if project is not None and project.lockfile.is_file():
            script = ["--script", str(project.script)] if project.script else []
            arguments = ["lock", "--check", *script, "--python", python]
            self._process = start_uv(arguments, cwd=project.root, env=env)

    def complaint(self) -> str:
        """Wait for it: why the lock does not count as fresh, or "" if it is."""
        if self._process is None or self._project is None:
            return ""
        lock = self._project.lockfile.name
        try:
            _, said = self._process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            return "uv lock --check did not answer"
        if self._process.returncode == 0:
            return ""
        self.stale = "needs to be updated" in said
        if self.stale:
            asks = self._project.name if self._project.script else "pyproject.toml"
            return f"{lock} is older than {asks}: {self._project.lock_command}"
        last = said.strip().splitlines()[-1:] or ["no reason given"]
        return f"{lock} could not be checked: {last[0].strip()}"

    def close(self) -> None:
        """End it, whether it has answered or not."""
        if self._process is not None:
            with self._process as process:
                process.kill()
            self._process = None
