"""A target: the Python that packages are chosen for, and the choosing.

Pure: a target is made from facts that somebody else read off an interpreter
(`environment/python.py` asks a real one), so that a lock can also be selected for a machine that is
not this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags

from holdfast.errors import LockError

if TYPE_CHECKING:
    from packaging.pylock import Package, Pylock

# What wheel tags call the implementations that have a name of their own there (PEP 425).
_SHORT_NAMES = {"pypy": "pp", "ironpython": "ip", "jython": "jy"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A Python, as far as it decides which packages fit.

    Attributes:
        implementation: As `sys.implementation.name`: "cpython".
        version: Full version, "3.11.7".
        abi: `SOABI`, "cpython-311-x86_64-linux-gnu".
        libc: "glibc-2.36", "musl-1.2", or "" where there is none to name.
        markers: The marker environment (PEP 508).
        tags: Wheel tags it takes, best first (PEP 425).
    """

    implementation: str
    version: str
    abi: str
    libc: str
    markers: Mapping[str, str]
    tags: tuple[Tag, ...]

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], platforms: Iterable[str]) -> Target:
        """A target from what `environment/python.py` reads off an interpreter.

        Args:
            facts: implementation, version, abi, libc, markers, free_threaded.
            platforms: Platform tags, best first, as `packaging.tags.platform_tags` gives them.
        """
        major, minor = (int(part) for part in str(facts["version"]).split(".")[:2])
        platforms = list(platforms)
        suffix = "t" if facts.get("free_threaded") else ""
        if facts["implementation"] == "cpython":
            own = cpython_tags((major, minor), [f"cp{major}{minor}{suffix}"], platforms)
            interpreter = f"cp{major}{minor}"
        else:
            short = _SHORT_NAMES.get(facts["implementation"], facts["implementation"])
            interpreter = f"{short}{major}{minor}"
            own = generic_tags(interpreter, [str(facts["abi"]).replace("-", "_")], platforms)
        return cls(
            implementation=facts["implementation"],
            version=facts["version"],
            abi=facts["abi"],
            libc=facts["libc"],
            markers=dict(facts["markers"]),
            tags=(*own, *compatible_tags((major, minor), interpreter, platforms)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """One package of a lock, and the one file of it that a target takes.

    Attributes:
        kind: "wheel", "sdist", "archive", "vcs" or "directory".
        filename: The file's name; a vcs package has its commit here.
        location: Its URL, or its path relative to the lockfile.
        sha256: Hex digest, or None where the lock has none.
        index: The index that the package is bound to, or None.
    """

    name: str
    version: str | None
    kind: str
    filename: str
    location: str
    sha256: str | None
    index: str | None


def select(pylock: Pylock, target: Target) -> tuple[Selected, ...]:
    """What `target` installs of `pylock`, sorted by name (PEP 751, "Installation").

    Raises:
        LockError: The lock does not cover the target; the message says which package stands in the
            way.
    """
    from packaging.pylock import PylockSelectError

    try:
        chosen = list(
            pylock.select(environment=cast("Any", dict(target.markers)), tags=target.tags)
        )
    except PylockSelectError as error:
        raise LockError(
            f"this lock has nothing for Python {target.version} here: {error}",
            hint="add the platform to [tool.uv] environments of the project, lock and log again",
        ) from error
    return tuple(sorted((_selected(*pair) for pair in chosen), key=lambda one: one.name))


def _selected(package: Package, source: Any) -> Selected:
    from packaging.pylock import PackageSdist, PackageWheel

    kind = {
        "PackageWheel": "wheel",
        "PackageSdist": "sdist",
        "PackageArchive": "archive",
        "PackageVcs": "vcs",
        "PackageDirectory": "directory",
    }[type(source).__name__]
    location = getattr(source, "url", None) or source.path
    if isinstance(source, (PackageWheel, PackageSdist)):
        filename = source.filename
    elif kind == "vcs":
        filename = source.commit_id
    else:
        filename = location.rsplit("/", 1)[-1]
    return Selected(
        name=package.name,
        version=str(package.version) if package.version is not None else None,
        kind=kind,
        filename=filename,
        location=location,
        sha256=getattr(source, "hashes", {}).get("sha256"),
        index=package.index,
    )
