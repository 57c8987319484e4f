"""uv.lock as a graph: packages, and the edges between them.

Pure: takes what a TOML reader gave, opens nothing. A lock is checked as it is read, so that whoever
walks the graph meets no surprise: every edge leads to exactly one package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from holdfast.errors import LockError
from holdfast.lock.fields import (
    arrays,
    optional,
    path,
    refuse,
    required,
    strings,
    subtable,
    tables,
    tables_in,
)
from holdfast.lock.source import DistributionFile, Source, read_file, read_sdist, read_source

_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """An edge of the graph.

    Attributes:
        name: Of the package it leads to.
        package: That package's place in `LockGraph.packages`.
        extras: The extras asked of it.
        marker: When the edge is there; "" for always.
    """

    name: str
    package: int
    extras: tuple[str, ...]
    marker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPackage:
    """A node of the graph: name, version, source and files.

    Attributes:
        version: None where the project computes it (PEP 621 `dynamic`).
        optional_dependencies: By extra, those without any included.
        dependency_groups: By group, those without any included.
        resolution_markers: The forks this version is for; empty when for all.
    """

    name: str
    version: str | None
    source: Source
    dependencies: tuple[Dependency, ...]
    optional_dependencies: Mapping[str, tuple[Dependency, ...]]
    dependency_groups: Mapping[str, tuple[Dependency, ...]]
    resolution_markers: tuple[str, ...]
    sdist: DistributionFile | None
    wheels: tuple[DistributionFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictItem:
    """What cannot be had together with the other items of its set ([tool.uv] conflicts).

    Attributes:
        extra: With `group` also None, the whole package is meant.
    """

    package: str
    extra: str | None
    group: str | None

    @property
    def encoded(self) -> str:
        """As uv writes the item in markers: `extra == 'extra-3-foo-cpu'`."""
        prefix = f"{len(self.package)}-{self.package}"
        if self.extra is not None:
            return f"extra-{prefix}-{self.extra}"
        return f"group-{prefix}-{self.group}" if self.group is not None else f"project-{prefix}"

    @property
    def written(self) -> str:
        """As people write it: `foo[cpu]`, `foo:group`, `foo`."""
        if self.extra is not None:
            return f"{self.package}[{self.extra}]"
        return f"{self.package}:{self.group}" if self.group is not None else self.package


@dataclass(frozen=True, slots=True, kw_only=True)
class LockGraph:
    """A whole uv.lock.

    Attributes:
        requires_python: A specifier, "" for any Python.
        resolution_markers: The forks of the resolution.
        supported_markers: [tool.uv] environments; empty for every machine.
        members: Names of the workspace's members.
        requirements: Of a script or a workspace without a project at its root.
        dependency_groups: Of a workspace without a project at its root.
        conflicts: Sets of items, no two of a set together.
        options: What the resolution was told, as far as the lock says it in a word.
    """

    version: int
    revision: int
    requires_python: str
    resolution_markers: tuple[str, ...]
    supported_markers: tuple[str, ...]
    packages: tuple[LockedPackage, ...]
    members: tuple[str, ...]
    requirements: tuple[Dependency, ...]
    dependency_groups: Mapping[str, tuple[Dependency, ...]]
    conflicts: tuple[tuple[ConflictItem, ...], ...]
    options: Mapping[str, str]

    @classmethod
    def from_dict(cls, lock: Mapping[str, Any]) -> LockGraph:
        """The graph in what was read of a uv.lock.

        Raises:
            LockError: The lock is of another version, or is not well-formed; the message ends with
                the path to what is wrong.
        """
        _check_version(lock)
        packages = list(tables(lock, "package", ""))
        places = _Places(packages)
        manifest = subtable(lock, "manifest", "")
        groups = subtable(manifest, "dependency-groups", "manifest")
        return cls(
            version=_VERSION,
            revision=optional(lock, "revision", int, "") or 0,
            requires_python=_requires_python(lock),
            resolution_markers=strings(lock, "resolution-markers", ""),
            supported_markers=strings(lock, "supported-markers", ""),
            packages=tuple(places.package(place) for place in range(len(packages))),
            members=strings(manifest, "members", "manifest"),
            requirements=places.requirements(manifest, "requirements", "manifest"),
            dependency_groups={
                name: places.requirements(groups, name, "manifest.dependency-groups")
                for name in groups
            },
            conflicts=_conflicts(lock),
            options={
                key: value
                for key, value in subtable(lock, "options", "").items()
                if isinstance(value, str)
            },
        )

    def named(self, name: str) -> tuple[int, ...]:
        """The places of the packages called `name`: several in a lock that forks."""
        wanted = canonicalize_name(name)
        return tuple(i for i, package in enumerate(self.packages) if package.name == wanted)


class _Places:
    """The packages being read, by the names that edges call them."""

    def __init__(self, packages: list[tuple[str, Mapping[str, Any]]]) -> None:
        self.packages = packages
        self.sources = [read_source(table, where) for where, table in packages]
        self.by_name: dict[str, list[int]] = {}
        for place, (where, table) in enumerate(packages):
            self.by_name.setdefault(required(table, "name", str, where), []).append(place)

    def package(self, place: int) -> LockedPackage:
        where, table = self.packages[place]
        source = self.sources[place]
        wheels = tables(table, "wheels", where)
        return LockedPackage(
            name=table["name"],
            version=_version(table, where),
            source=source,
            dependencies=self.dependencies(table, "dependencies", where),
            optional_dependencies=self.named_lists(table, "optional-dependencies", where),
            dependency_groups=self.named_lists(table, "dev-dependencies", where),
            resolution_markers=strings(table, "resolution-markers", where),
            sdist=read_sdist(table, source, where),
            wheels=tuple(read_file(wheel, source, at) for at, wheel in wheels),
        )

    def named_lists(
        self, package: Mapping[str, Any], key: str, where: str
    ) -> Mapping[str, tuple[Dependency, ...]]:
        lists = subtable(package, key, where)
        found = {name: self.dependencies(lists, name, path(where, key)) for name in lists}
        for name in _declared(package, key, where):
            found.setdefault(name, ())
        return found

    def dependencies(
        self, table: Mapping[str, Any], key: str, where: str
    ) -> tuple[Dependency, ...]:
        return tuple(self.dependency(item, at) for at, item in tables(table, key, where))

    def dependency(self, table: Mapping[str, Any], where: str) -> Dependency:
        name = required(table, "name", str, where)
        places = self.by_name.get(name, [])
        if len(places) > 1:
            places = [place for place in places if self._is_meant(table, place, where)]
        if len(places) != 1:
            found = "several such packages" if places else "no such package"
            refuse(f"expected an edge to one package named {name!r}, found {found}", where)
        return Dependency(
            name=name,
            package=places[0],
            extras=strings(table, "extra", where),
            marker=optional(table, "marker", str, where) or "",
        )

    def _is_meant(self, table: Mapping[str, Any], place: int, where: str) -> bool:
        """The version and the source are there only as far as they tell packages apart."""
        version = optional(table, "version", str, where)
        if version is not None and version != self.packages[place][1].get("version"):
            return False
        return "source" not in table or read_source(table, where) == self.sources[place]

    def requirements(
        self, table: Mapping[str, Any], key: str, where: str
    ) -> tuple[Dependency, ...]:
        """What the manifest asks for: each name leads to all of that name's forks."""
        return tuple(
            edge for at, item in tables(table, key, where) for edge in self._forks(item, at)
        )

    def _forks(self, table: Mapping[str, Any], where: str) -> Iterable[Dependency]:
        name = canonicalize_name(required(table, "name", str, where))
        asked = optional(table, "marker", str, where) or ""
        for place in self.by_name.get(name, ()):
            at, package = self.packages[place]
            forks = " or ".join(f"({text})" for text in strings(package, "resolution-markers", at))
            yield Dependency(
                name=name,
                package=place,
                extras=strings(table, "extras", where),
                marker=" and ".join(f"({text})" for text in (asked, forks) if text),
            )


def _requires_python(lock: Mapping[str, Any]) -> str:
    text = optional(lock, "requires-python", str, "") or ""
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        refuse(f"expected a version specifier, found {text!r}", "requires-python")
    return text


def _version(package: Mapping[str, Any], where: str) -> str | None:
    text = optional(package, "version", str, where)
    try:
        Version(text or "0")
    except InvalidVersion:
        refuse(f"expected a version, found {text!r}", path(where, "version"))
    return text


def _declared(package: Mapping[str, Any], key: str, where: str) -> Iterable[str]:
    """Extras and groups that the metadata names; those without dependencies are only there."""
    metadata = subtable(package, "metadata", where)
    if key == "optional-dependencies":
        return strings(metadata, "provides-extras", path(where, "metadata"))
    return subtable(metadata, "requires-dev", path(where, "metadata"))


def _check_version(lock: Mapping[str, Any]) -> None:
    """Revisions of one version are compatible both ways (uv: "Lockfile versioning")."""
    version = required(lock, "version", int, "")
    if version != _VERSION:
        raise LockError(
            f"expected a uv.lock of version {_VERSION}, found version {version} in 'version'",
            hint="a newer uv wrote this lock: upgrade Holdfast, or lock again with uv 0.13",
        )


def _conflicts(lock: Mapping[str, Any]) -> tuple[tuple[ConflictItem, ...], ...]:
    return tuple(
        tuple(_conflict_item(item, at) for at, item in tables_in(items, where))
        for where, items in arrays(lock, "conflicts", "")
    )


def _conflict_item(item: Mapping[str, Any], where: str) -> ConflictItem:
    return ConflictItem(
        package=required(item, "package", str, where),
        extra=optional(item, "extra", str, where),
        group=optional(item, "group", str, where),
    )
