"""What differs between two locks, or between a lock and what is installed.

Pure. Names are compared as PEP 503 normalizes them; a version is compared as PEP 440 does, so that
"1.0" and "1.0.0" do not differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name, canonicalize_version


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChange:
    """A package that is installed in another version than was locked."""

    name: str
    locked: str
    installed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How an environment differs from its lock; each part sorted by name.

    Attributes:
        missing: Locked, not installed; with the locked version.
        extra: Installed, not locked; with the installed version.
        changed: Both, in different versions.
    """

    missing: tuple[tuple[str, str | None], ...]
    extra: tuple[tuple[str, str | None], ...]
    changed: tuple[VersionChange, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.changed)


def drift(locked: Mapping[str, str | None], installed: Mapping[str, str | None]) -> Drift:
    """How `installed` differs from `locked`; both are versions by name, None for not known.

    A version that is not known differs from none.
    """
    before, after = _canonical(locked), _canonical(installed)
    return Drift(
        missing=tuple((name, before[name]) for name in sorted(before.keys() - after.keys())),
        extra=tuple((name, after[name]) for name in sorted(after.keys() - before.keys())),
        changed=tuple(
            VersionChange(name=name, locked=old, installed=new)
            for name in sorted(before.keys() & after.keys())
            if (old := before[name]) is not None
            and (new := after[name]) is not None
            and not _same_version(old, new)
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageState:
    """A package as a lock has it.

    Attributes:
        source: The index, URL, commit or path it comes from; "" where the lock does not say.
        hashes: Of all its files, as "sha256:…".
    """

    name: str
    version: str | None
    source: str
    hashes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """A package that is in two locks, and differs."""

    before: PackageState
    after: PackageState

    @property
    def what(self) -> tuple[str, ...]:
        """Which of "version", "source", "hashes" differ."""
        keys = ("version", "source", "hashes")
        return tuple(key for key in keys if getattr(self.before, key) != getattr(self.after, key))


@dataclass(frozen=True, slots=True, kw_only=True)
class LockDiff:
    """What a later lock has otherwise than an earlier; each part sorted by name, then version."""

    added: tuple[PackageState, ...]
    removed: tuple[PackageState, ...]
    changed: tuple[PackageChange, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> LockDiff:
    """How the lock `after` differs from the lock `before`.

    Each is what `to_pylock` makes, or `Pylock.to_dict()`. A name that a lock has several times (it
    forks) changed where one version was put for one other, and else was added or removed.
    """
    old, new = Counter(_states(before)), Counter(_states(after))
    gone, come = _by_name(old - new), _by_name(new - old)
    changed = [name for name in gone if len(gone[name]) == 1 == len(come.get(name, ()))]
    return LockDiff(
        added=tuple(one for name in sorted(come) if name not in changed for one in come[name]),
        removed=tuple(one for name in sorted(gone) if name not in changed for one in gone[name]),
        changed=tuple(
            PackageChange(before=gone[name][0], after=come[name][0]) for name in sorted(changed)
        ),
    )


def _canonical(versions: Mapping[str, str | None]) -> dict[str, str | None]:
    return {canonicalize_name(name): version for name, version in versions.items()}


def _same_version(one: str, other: str) -> bool:
    return one == other or canonicalize_version(one) == canonicalize_version(other)


def _states(pylock: Mapping[str, Any]) -> Iterable[PackageState]:
    for package in pylock["packages"]:
        files = [package.get("sdist"), package.get("archive"), *(package.get("wheels") or ())]
        yield PackageState(
            name=canonicalize_name(package["name"]),
            version=package.get("version"),
            source=_source(package),
            hashes=frozenset(
                f"{kind}:{digest}"
                for file in files
                if file
                for kind, digest in file["hashes"].items()
            ),
        )


def _source(package: Mapping[str, Any]) -> str:
    vcs = package.get("vcs")
    if vcs:
        return f"{vcs.get('url') or vcs.get('path')}@{vcs['commit-id']}"
    for key in ("archive", "directory"):
        if package.get(key):
            return str(package[key].get("url") or package[key]["path"])
    return str(package.get("index") or "")


def _by_name(states: Counter[PackageState]) -> dict[str, list[PackageState]]:
    found: dict[str, list[PackageState]] = {}
    for state in sorted(states.elements(), key=lambda one: (one.name, one.version or "")):
        found.setdefault(state.name, []).append(state)
    return found
