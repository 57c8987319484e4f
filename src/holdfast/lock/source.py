"""Where a locked package comes from, and the files it has: the leaves of uv.lock.

Pure. The fields are uv.lock's; https://docs.astral.sh/uv/concepts/projects/layout/ calls the format
uv's own, so what is read here is what uv 0.4 to 0.13 write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from holdfast.lock.fields import optional, path, refuse, required, subtable

_KINDS = ("registry", "git", "url", "path", "directory", "editable", "virtual")
_FIRST_PARTY = frozenset(("path", "directory", "editable", "virtual"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a package comes from.

    Attributes:
        kind: "registry", "git", "url" (a direct archive), "path" (an archive on disk), "directory",
            "editable" or "virtual" (not installed itself).
        location: The index, the URL or the path relative to the lock; a git URL without its query.
        commit: The commit of a git source.
        requested_revision: The branch, tag or commit that was asked for in a git source.
        subdirectory: Where in the repository or archive the package is.
    """

    kind: str
    location: str
    commit: str | None = None
    requested_revision: str | None = None
    subdirectory: str | None = None

    @property
    def first_party(self) -> bool:
        """It stands on this disk, beside the project: no index can give it again."""
        return self.kind in _FIRST_PARTY

    @property
    def on_disk(self) -> bool:
        """Its files are on this disk: first-party code, or an index that is a directory."""
        is_directory = "://" not in self.location or self.location.startswith("file:")
        return self.first_party or (self.kind == "registry" and is_directory)


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionFile:
    """A wheel or an sdist.

    Attributes:
        filename: The file's own name, not percent-encoded.
        url: Where it is, or None where `path` says it or the package's source does.
        path: Relative to the lock, for an index that is a directory.
        algorithm: Of the hash: "sha256".
        digest: The hash in hex, or None where the index gave none.
        size: Bytes.
    """

    filename: str
    url: str | None
    path: str | None
    algorithm: str
    digest: str | None
    size: int | None

    @property
    def hashes(self) -> dict[str, str]:
        """As PEP 751 writes them; empty where there is none."""
        return {self.algorithm: self.digest} if self.digest else {}


def read_source(package: Mapping[str, Any], where: str) -> Source:
    """The `source` of the package or dependency at `where`.

    Raises:
        LockError: There is none, or it is of a kind that uv.lock version 1 does not have.
    """
    table = required(package, "source", dict, where)
    at = path(where, "source")
    kind = next((kind for kind in _KINDS if kind in table), None)
    if kind is None:
        refuse(f"expected one of {', '.join(_KINDS)}, found {', '.join(table) or 'nothing'}", at)
    location = required(table, kind, str, at)
    if kind == "git":
        return _git(location, path(at, kind))
    return Source(
        kind=kind, location=location, subdirectory=optional(table, "subdirectory", str, at)
    )


def _git(location: str, where: str) -> Source:
    """`https://host/repository?subdirectory=a&rev=main#commit`, in its parts."""
    url = urlsplit(location)
    if not url.fragment:
        refuse("expected a commit after '#', found none", where)
    query = {key: values[0] for key, values in parse_qs(url.query).items()}
    return Source(
        kind="git",
        location=url._replace(query="", fragment="").geturl(),
        commit=url.fragment,
        requested_revision=query.get("rev") or query.get("tag") or query.get("branch"),
        subdirectory=query.get("subdirectory"),
    )


def read_file(table: Mapping[str, Any], source: Source, where: str) -> DistributionFile:
    """The wheel or sdist in the table at `where`, of a package from `source`.

    Raises:
        LockError: It has no name, or its hash is not `algorithm:digest`.
    """
    url = optional(table, "url", str, where)
    local = optional(table, "path", str, where)
    digest = optional(table, "hash", str, where)
    algorithm, colon, value = digest.partition(":") if digest else ("sha256", "", None)
    if digest and not (colon and value):
        refuse(f"expected 'algorithm:digest', found {digest!r}", path(where, "hash"))
    filename = optional(table, "filename", str, where)
    return DistributionFile(
        filename=filename or file_name(url or local or source.location),
        url=url,
        path=local,
        algorithm=algorithm,
        digest=value,
        size=optional(table, "size", int, where),
    )


def read_sdist(package: Mapping[str, Any], source: Source, where: str) -> DistributionFile | None:
    """The `sdist` of the package at `where`, or None."""
    table = subtable(package, "sdist", where)
    # A git or a directory source has an empty or no sdist: there is no file to speak of.
    return read_file(table, source, path(where, "sdist")) if table else None


def file_name(location: str) -> str:
    """The file name at the end of a URL or a path."""
    name = location.partition("#")[0].partition("?")[0].rstrip("/").rpartition("/")[2]
    return unquote(name) if "%" in name else name
