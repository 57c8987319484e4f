"""Asking uv for the files and hashes of named versions, on the indexes they belong to."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import tomli
import tomli_w
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from holdfast.errors import LockError
from holdfast.redact import bare_url, redact
from holdfast.seal.seal import SealedIndex
from holdfast.uv import run_uv

_SECONDS = 300
_HERE = ".".join(map(str, sys.version_info[:2]))


def resolve(
    requirements: Iterable[str],
    *,
    folder: Path | None,
    indexes: Sequence[SealedIndex] = (),
    constraints: Iterable[str] = (),
    preferences: Sequence[dict[str, Any]] = (),
    with_dependencies: bool = False,
    python: str = _HERE,
) -> list[dict[str, Any]]:
    """The packages of a PEP 751 lock of `requirements`, for every platform they have files for.

    Args:
        requirements: What pip takes in a file: mostly PEP 508.
        folder: The project whose uv settings count; None where `indexes` are all that is known.
        indexes: Those that the project declares: a package bound to one is asked of no other.
        constraints: Requirements that bound what is chosen.
        preferences: Packages of a PEP 751 lock: their versions are chosen wherever they can be.
        with_dependencies: Also what the requirements need.
        python: The release that they are for, "3.11".

    Raises:
        ToolError: They cannot be resolved, or the index cannot be reached.
        LockError: One of them is a path, which means nothing elsewhere; or what is bound to an
            index was found on another, or the index was a folder that is not here.
    """
    bound = {package: index for index in indexes for package in index.packages}
    lines = {line: _name(line) in bound for line in requirements}
    if lost := [line for line in lines if lines[line] and not bound[_name(line)].url]:
        raise LockError(f"{', '.join(lost)} came from a folder of the machine it was sealed on")
    with tempfile.TemporaryDirectory(prefix="holdfast-resolve-") as scratch:
        ours = [line for line, is_bound in lines.items() if is_bound]
        project = _scratch_project(Path(scratch), ours, indexes, python)
        others = (line for line, is_bound in lines.items() if not is_bound)
        wanted = _written(Path(scratch, "requirements.in"), others)
        bounds = _written(Path(scratch, "constraints.txt"), constraints)
        arguments = ["pip", "compile", "--quiet", "--universal", "--format", "pylock.toml"]
        arguments += ["--python", sys.executable, "--no-header", "--no-annotate"]
        arguments += ["--python-version", python]
        arguments += [] if with_dependencies else ["--no-deps"]
        # uv prefers what stands in the file that it writes.
        written = Path(scratch, "pylock.toml")
        written.write_text(tomli_w.dumps(new_lock(list(preferences), python)), encoding="utf-8")
        arguments += ["--output-file", str(written), "--constraints", str(bounds), str(wanted)]
        run_uv(
            [*arguments, project] if ours else arguments,
            cwd=folder or Path(scratch),
            timeout=_SECONDS,
        )
        text = written.read_text(encoding="utf-8")
    packages: list[dict[str, Any]] = tomli.loads(redact(text)).get("packages", [])
    _check(packages, bound)
    return packages


def new_lock(packages: list[dict[str, Any]], python: str = _HERE) -> dict[str, Any]:
    """A PEP 751 lock of `packages`, for the minor release `python` and later ones."""
    return {
        "lock-version": "1.0",
        "created-by": "holdfast",
        "requires-python": f">={python}",
        "packages": packages,
    }


def _scratch_project(
    folder: Path, requirements: Sequence[str], indexes: Sequence[SealedIndex], python: str
) -> Path:
    """A project of `requirements`, each bound to its index: only a project can say that to uv."""
    indexes = [index for index in indexes if index.url]
    names = [index.name or f"unnamed-{number}" for number, index in enumerate(indexes)]
    declared = [
        {"name": name, "url": index.url}
        | ({"explicit": True} if index.explicit else {})
        | ({"default": True} if index.default else {})
        for name, index in zip(names, indexes, strict=True)
    ]
    wanted = {_name(line) for line in requirements}
    sources = {
        package: {"index": name}
        for name, index in zip(names, indexes, strict=True)
        for package in index.packages
        if package in wanted
    }
    document = {
        "project": {
            "name": "holdfast-asks",
            "version": "0",
            "requires-python": f">={python}",
            "dependencies": list(requirements),
        },
        "tool": {"uv": {"index": declared, "sources": sources}},
    }
    path = folder / "pyproject.toml"
    path.write_text(tomli_w.dumps(document), encoding="utf-8")
    return path


def _check(packages: Iterable[dict[str, Any]], bound: dict[str, SealedIndex]) -> None:
    """Nothing by a path, and nothing from an index that is not its own."""
    for package in packages:
        name = package["name"]
        files = [package.get("archive", {}), *package.get("wheels", ())]
        if "directory" in package or any("path" in file for file in files):
            raise LockError(f"{name} is asked for by a path, which cannot be sealed")
        index = bound.get(name)
        found = package.get("index")
        if index and found and bare_url(found) != bare_url(index.url):
            raise LockError(
                f"{name} belongs to {index.name or index.url}, and was found on {found}"
            )


def _name(line: str) -> str:
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:
        return ""


def _written(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
