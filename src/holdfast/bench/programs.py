"""Running the tools that are compared: each with a cache of its own, in a folder that goes away."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from holdfast.errors import ToolError
from holdfast.redact import redact_said
from holdfast.uv import run_uv, uv_environment

_LAST = 3


@dataclass(frozen=True, slots=True)
class Programs:
    """The tools, and where they may write.

    Attributes:
        folder: A folder of ours.
        python: The interpreter that environments are made with.
        timeout: Seconds for one run.
    """

    folder: Path
    python: Path
    timeout: float

    def uv(self, *arguments: str | Path, cache: Path, cwd: Path | None = None) -> str:
        """Run uv with this cache.

        Raises:
            ToolError: It failed.
        """
        return run_uv(
            arguments,
            cwd=cwd or self.folder,
            env={"UV_CACHE_DIR": str(cache)},
            timeout=self.timeout,
        )

    def pip(self, *arguments: str | Path, cache: Path, target: Path | None = None) -> str:
        """Run the pip that comes with the interpreter, with this cache.

        Args:
            arguments: What follows `pip`.
            cache: Its cache.
            target: The environment to install into; by default pip's own.

        Raises:
            ToolError: It failed.
        """
        quiet = ["--disable-pip-version-check", "--no-input", "--cache-dir", str(cache)]
        into = ["--python", str(target)] if target else []
        program = self.pip_environment() / "bin" / "python"
        command: list[str | Path] = [program, "-m", "pip", *quiet, *into, *arguments]
        return run_program(command, self.folder, self.timeout)

    def pip_environment(self) -> Path:
        """An environment with the interpreter's own pip, made once."""
        folder = self.folder / "pip"
        if not folder.exists():
            run_program([self.python, "-m", "venv", folder], self.folder, self.timeout)
        return folder


def run_program(
    command: Sequence[str | Path],
    cwd: Path,
    timeout: float,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a program to its end; what it prints.

    Raises:
        ToolError: It failed, or took too long.
    """
    name = " ".join(Path(str(part)).name for part in command[:3])
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env=uv_environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(f"{name} took more than {timeout:g} s") from None
    except OSError as error:
        raise ToolError(f"{name} cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        lines = redact_said(done.stderr or done.stdout, os.environ).strip().splitlines()
        raise ToolError(f"{name} failed: {' / '.join(lines[-_LAST:])}")
    return done.stdout
