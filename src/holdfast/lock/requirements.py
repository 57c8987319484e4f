"""The lock as pip's requirements text, for tools that know nothing newer.

Pure. It says what `uv export --format requirements.txt` says: the same names, versions, markers and
hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_HASH = " \\\n    --hash="


def to_requirements(pylock: Mapping[str, Any], *, hashes: bool = True) -> str:
    """The packages of a lock as requirements, one a line, in the lock's order.

    Args:
        pylock: What `to_pylock` makes, or `Pylock.to_dict()`.
        hashes: With the hashes of every file. pip then asks for the hash of every requirement,
            which a package from git cannot have.
    """
    return "".join(f"{_line(package, hashes=hashes)}\n" for package in pylock["packages"])


def _line(package: Mapping[str, Any], *, hashes: bool) -> str:
    what = _requirement(package, hashes=hashes)
    # The space before ";" is part of the syntax after a URL (PEP 508).
    marker = f" ; {package['marker']}" if package.get("marker") else ""
    return what + marker + "".join(_HASH + one for one in (_hashes(package) if hashes else ()))


def _requirement(package: Mapping[str, Any], *, hashes: bool) -> str:
    name = package["name"]
    if "vcs" in package:
        return f"{name} @ {_git(package['vcs'])}"
    if "archive" in package:
        return f"{name} @ {_archive(package['archive'], hashes=hashes)}"
    if "directory" in package:
        return _path(package["directory"]["path"])
    wheels = package.get("wheels") or []
    if len(wheels) == 1 and "path" in wheels[0] and "sdist" not in package:
        return _path(wheels[0]["path"])
    return f"{name}=={package['version']}"


def _git(vcs: Mapping[str, Any]) -> str:
    subdirectory = f"#subdirectory={vcs['subdirectory']}" if vcs.get("subdirectory") else ""
    return f"git+{vcs['url']}@{vcs['commit-id']}{subdirectory}"


def _archive(archive: Mapping[str, Any], *, hashes: bool) -> str:
    parts = [f"subdirectory={archive['subdirectory']}"] if archive.get("subdirectory") else []
    if hashes:
        parts += [f"{kind}={digest}" for kind, digest in sorted(archive["hashes"].items())]
    location = archive["url"] if "url" in archive else _path(archive["path"])
    return f"{location}#{'&'.join(parts)}" if parts else str(location)


def _path(path: str) -> str:
    """For pip, what begins with a dot or a slash is a path; anything else is a name."""
    return path if path.startswith(("/", ".")) else f"./{path}"


def _hashes(package: Mapping[str, Any]) -> Iterable[str]:
    files = [*([package["sdist"]] if "sdist" in package else ()), *(package.get("wheels") or ())]
    return sorted({f"{kind}:{value}" for file in files for kind, value in file["hashes"].items()})
