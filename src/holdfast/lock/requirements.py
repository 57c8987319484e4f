"""A package of the lock as pip asks for it, in the words of `uv export --format requirements.txt`.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def requirement_of(package: Mapping[str, Any]) -> str:
    """What a package of a lock is asked for by: URL, path, or name and version.

    An archive's URL has its hash as a fragment.

    Args:
        package: An entry of `packages`.
    """
    name = package["name"]
    if "vcs" in package:
        return f"{name} @ {_git(package['vcs'])}"
    if "archive" in package:
        return f"{name} @ {_archive(package['archive'])}"
    if "directory" in package:
        return _path(package["directory"]["path"])
    wheel = own_wheel(package)
    return _path(wheel["path"]) if wheel else f"{name}=={package['version']}"


def own_wheel(package: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The wheel of a package that lies beside the lock."""
    wheels = package.get("wheels") or []
    alone = len(wheels) == 1 and "path" in wheels[0] and "sdist" not in package
    return wheels[0] if alone else None


def _git(vcs: Mapping[str, Any]) -> str:
    subdirectory = f"#subdirectory={vcs['subdirectory']}" if vcs.get("subdirectory") else ""
    return f"git+{vcs['url']}@{vcs['commit-id']}{subdirectory}"


def _archive(archive: Mapping[str, Any]) -> str:
    parts = [f"subdirectory={archive['subdirectory']}"] if archive.get("subdirectory") else []
    parts += [f"{kind}={digest}" for kind, digest in sorted(archive["hashes"].items())]
    location = archive["url"] if "url" in archive else _path(archive["path"])
    return f"{location}#{'&'.join(parts)}"


def _path(path: str) -> str:
    """For pip, what begins with a dot or a slash is a path; anything else is a name."""
    return path if path.startswith(("/", ".")) else f"./{path}"


def hashes_of(package: Mapping[str, Any]) -> Iterable[str]:
    """The hashes of all files of a package, "sha256:…"."""
    files = [*([package["sdist"]] if "sdist" in package else ()), *(package.get("wheels") or ())]
    return sorted({f"{kind}:{value}" for file in files for kind, value in file["hashes"].items()})
