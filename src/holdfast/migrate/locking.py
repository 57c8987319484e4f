"""`uv lock` in a copy, in the versions that were locked before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tomli
import tomlkit

from holdfast.errors import HoldfastError, ToolError
from holdfast.migrate.draft import edited
from holdfast.uv import run_uv


def lock(copy: Path, pins: Mapping[str, str], secrets: Mapping[str, str]) -> tuple[str, ...]:
    """Lock the project in `copy`; the packages that are not in the version that they were.

    The versions are constraints for one lock; the next, without them, keeps what is locked.

    Args:
        copy: The folder.
        pins: Versions by normalised name.
        secrets: Variables with the credentials that the old files had.

    Raises:
        ToolError: uv cannot lock it.
    """
    path = copy / "pyproject.toml"
    asked = path.read_text(encoding="utf-8")
    if pins:
        with edited(copy) as document:
            tool = document.setdefault("tool", tomlkit.table(is_super_table=True))
            uv = tool.setdefault("uv", tomlkit.table())
            exact = [f"{name}=={version}" for name, version in sorted(pins.items())]
            uv["constraint-dependencies"] = [*uv.get("constraint-dependencies", ()), *exact]
        _lock(copy, secrets)
        path.write_text(asked, encoding="utf-8")
    _lock(copy, secrets)
    locked = _versions(copy / "uv.lock")
    return tuple(
        f"{name} {version} → {', '.join(sorted(locked[name]))}"
        for name, version in sorted(pins.items())
        if name in locked and version not in locked[name]
    )


def _lock(copy: Path, secrets: Mapping[str, str]) -> None:
    try:
        run_uv(["lock", "--quiet"], cwd=copy, env=secrets)
    except HoldfastError as error:
        raise ToolError(
            f"nothing was changed: {error.message}",
            hint=error.hint
            or "`--without NAME` leaves a dependency out; `--upgrade` does not keep the versions "
            "that were locked",
        ) from error


def _versions(lockfile: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for package in tomli.loads(lockfile.read_text(encoding="utf-8")).get("package", ()):
        if "version" in package:
            found.setdefault(package["name"], set()).add(package["version"])
    return found
