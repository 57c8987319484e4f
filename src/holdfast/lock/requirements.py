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
    what = requirement_of(package, hashes=hashes)
    # The space before ";" is part of the syntax after a URL (PEP 508).
    marker = f" ; {package['marker']}" if package.get("marker") else ""
    return what + marker + "".join(_HASH + one for one in (hashes_of(package) if hashes else ()))


def requirement_of(package: Mapping[str, Any], *, hashes: bool = True) -> str:
    """What a package of a lock is asked for by: URL, path, or name and version.

    Args:
        package: An entry of `packages`.
        hashes: An archive's URL has its hash as a fragment.
    """
    name = package["name"]
    if "vcs" in package:
        return f"{name} @ {_git(package['vcs'])}"
    if "archive" in package:
        return f"{name} @ {_archive(package['archive'], hashes=hashes)}"
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


def _archive(archive: Mapping[str, Any], *, hashes: bool) -> str:
    parts = [f"subdirectory={archive['subdirectory']}"] if archive.get("subdirectory") else []
    if hashes:
        parts += [f"{kind}={digest}" for kind, digest in sorted(archive["hashes"].items())]
    location = archive["url"] if "url" in archive else _path(archive["path"])
    return f"{location}#{'&'.join(parts)}" if parts else str(location)


def _path(path: str) -> str:
    """For pip, what begins with a dot or a slash is a path; anything else is a name."""
    return path if path.startswith(("/", ".")) else f"./{path}"


def hashes_of(package: Mapping[str, Any]) -> Iterable[str]:
    """The hashes of all files of a package, "sha256:…"."""
    files = [*([package["sdist"]] if "sdist" in package else ()), *(package.get("wheels") or ())]
    return sorted({f"{kind}:{value}" for file in files for kind, value in file["hashes"].items()})
