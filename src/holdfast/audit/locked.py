"""What is audited: the packages of a lock, of a model's or of a project's, for every machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from holdfast.bom.part import File, Part
from holdfast.lock.graph import LockedPackage, LockGraph
from holdfast.lock.source import DistributionFile, file_name
from holdfast.redact import bare_url, redact
from holdfast.seal.seal import SealedIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A package of a lock.

    Attributes:
        part: What it is, and its files.
        production: Whether models get it; else only developers do.
        needs: The `ref` of each part that it needs somewhere.
    """

    part: Part
    production: bool
    needs: tuple[str, ...]

    @property
    def name(self) -> str:
        """Normalised (PEP 503)."""
        return self.part.name

    @property
    def version(self) -> str:
        """As locked; "" where the lock has none."""
        return self.part.version or ""


def of_pylock(
    document: Mapping[str, Any], indexes: Sequence[SealedIndex] = ()
) -> tuple[Locked, ...]:
    """The packages of a PEP 751 lock, in its order.

    Args:
        document: What was read of it, which `lock.pylock` has found to be one.
        indexes: Those that the project declared: packages of all but its default one are bound.
    """
    tables = document.get("packages", ())
    refs = _refs((table["name"], table.get("version")) for table in tables)
    own = _declared(indexes)
    made = []
    for ref, table in zip(refs, tables, strict=True):
        kind, files = _files(table)
        index = str(table.get("index", ""))
        part = Part(
            ref=ref,
            name=canonicalize_name(table["name"]),
            version=table.get("version"),
            kind=kind,
            files=tuple(files),
            repository=redact(index) if bare_url(index) in own else "",
        )
        needs = {
            refs[place]
            for edge in table.get("dependencies", ())
            for place, other in enumerate(tables)
            if _is_meant(other, edge)
        }
        made.append(Locked(part=part, production=True, needs=tuple(sorted(needs - {part.ref}))))
    return tuple(made)


def of_graph(
    graph: LockGraph, production: Collection[int], indexes: Sequence[SealedIndex] = ()
) -> tuple[Locked, ...]:
    """The packages of a uv.lock, in its order.

    Args:
        graph: The lock.
        production: The places of those that models get.
        indexes: Those that the project declares.
    """
    own = _declared(indexes)
    refs = _refs((one.name, one.version) for one in graph.packages)
    made = []
    for place, package in enumerate(graph.packages):
        source = package.source
        bound = source.kind == "registry" and bare_url(source.location) in own
        part = Part(
            ref=refs[place],
            name=package.name,
            version=package.version,
            kind={"registry": "index", "git": "vcs", "url": "url"}.get(source.kind, "own"),
            files=tuple(_of_package(package)),
            repository=redact(source.location) if bound else "",
        )
        needs = {refs[edge.package] for edge in _edges(package)} - {part.ref}
        made.append(Locked(part=part, production=place in production, needs=tuple(sorted(needs))))
    return tuple(made)


def _declared(indexes: Iterable[SealedIndex]) -> frozenset[str]:
    return frozenset(bare_url(one.url) for one in indexes if one.url and not one.default)


def _refs(packages: Iterable[tuple[str, str | None]]) -> list[str]:
    """A name in the document for each: a version may be there twice, from two indexes."""
    times: Counter[str] = Counter()
    made: list[str] = []
    for name, version in packages:
        ref = f"{canonicalize_name(name)}@{version}" if version else canonicalize_name(name)
        times[ref] += 1
        made.append(f"{ref}#{times[ref]}" if times[ref] > 1 else ref)
    return made


def _files(table: Mapping[str, Any]) -> tuple[str, list[File]]:
    """What kind of package a table of a PEP 751 lock is, and its files."""
    if "vcs" in table:
        vcs = table["vcs"]
        url = redact(f"{vcs['type']}+{vcs.get('url', '')}@{vcs['commit-id']}")
        return "vcs", [File(name=vcs["commit-id"], url=url, sha256="")]
    if "directory" in table:
        return "own", []
    entries = [*table.get("wheels", ())]
    entries += [table[field] for field in ("sdist", "archive") if field in table]
    files = [_file(one) for one in entries]
    if files and not any(one.url for one in files):
        return "own", files
    return "url" if "archive" in table and "index" not in table else "index", files


def _file(entry: Mapping[str, Any]) -> File:
    where = entry.get("url") or entry.get("path", "")
    return File(
        name=entry.get("name") or file_name(where),
        url=redact(entry.get("url", "")),
        sha256=entry.get("hashes", {}).get("sha256", ""),
    )


def _is_meant(table: Mapping[str, Any], edge: Mapping[str, Any]) -> bool:
    """Whether a `dependencies` entry is about the package: it is so as far as it says anything."""
    named = table["name"] == edge.get("name")
    return named and edge.get("version") in {None, table.get("version")}


def _of_package(package: LockedPackage) -> Iterator[File]:
    source = package.source
    if source.kind == "git":
        url = redact(f"git+{source.location}@{source.commit}")
        yield File(name=source.commit or "", url=url, sha256="")
        return
    files = [*package.wheels, *([package.sdist] if package.sdist else ())]
    for one in files:
        yield File(name=one.filename, url=_url(one, package), sha256=_sha256(one))


def _url(file: DistributionFile, package: LockedPackage) -> str:
    if file.url:
        return redact(file.url)
    return redact(package.source.location) if package.source.kind == "url" else ""


def _sha256(file: DistributionFile) -> str:
    return (file.digest or "") if file.algorithm == "sha256" else ""


def _edges(package: LockedPackage) -> Iterator[Any]:
    yield from package.dependencies
    for edges in package.optional_dependencies.values():
        yield from edges
    for edges in package.dependency_groups.values():
        yield from edges
