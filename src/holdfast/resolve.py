"""Asking uv for the files and hashes of named versions, on the indexes they belong to."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomli

from holdfast.errors import LockError
from holdfast.redact import redact
from holdfast.uv import run_uv

_SECONDS = 300


def resolve(
    requirements: Iterable[str],
    *,
    folder: Path,
    constraints: Iterable[str] = (),
    with_dependencies: bool = False,
    index: str | None = None,
    python: str = ".".join(map(str, sys.version_info[:2])),
) -> list[dict[str, Any]]:
    """The packages of a PEP 751 lock of `requirements`, for every platform they have files for.

    Args:
        requirements: PEP 508 requirements.
        folder: Where the project's index settings are read from.
        constraints: Requirements that bound what is chosen.
        with_dependencies: Also what the requirements need.
        index: The only index to ask; None for those that the project declares.
        python: The release that they are for, "3.11".

    Raises:
        ToolError: They cannot be resolved, or the index cannot be reached.
        LockError: One of them is a path, which means nothing elsewhere.
    """
    with tempfile.TemporaryDirectory(prefix="holdfast-resolve-") as scratch:
        wanted = _written(Path(scratch, "requirements.in"), requirements)
        bounds = _written(Path(scratch, "constraints.txt"), constraints)
        arguments = ["pip", "compile", "--quiet", "--universal", "--format", "pylock.toml"]
        arguments += ["--python", sys.executable, "--no-header", "--no-annotate"]
        arguments += ["--python-version", python]
        arguments += [] if with_dependencies else ["--no-deps"]
        arguments += [] if index is None else ["--default-index", index]
        text = run_uv([*arguments, "--constraints", bounds, wanted], cwd=folder, timeout=_SECONDS)
    packages: list[dict[str, Any]] = tomli.loads(redact(text)).get("packages", [])
    for package in packages:
        if "directory" in package or "path" in package.get("archive", {}):
            raise LockError(f"{package['name']} is asked for by a path, which cannot be sealed")
    return packages


def new_lock(packages: list[dict[str, Any]]) -> dict[str, Any]:
    """A PEP 751 lock of `packages`, for this minor release of Python and later ones."""
    return {
        "lock-version": "1.0",
        "created-by": "holdfast",
        "requires-python": f">={sys.version_info[0]}.{sys.version_info[1]}",
        "packages": packages,
    }


def _written(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
